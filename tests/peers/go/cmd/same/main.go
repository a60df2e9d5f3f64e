// The check that the load server sends the same objects in JSON and in protobuf.
//
//	same URL PODS
//
// It takes a list in pages, a streaming list, a round of updates and the end of a watch in both formats,
// and compares each object of one with that of the other. Each protobuf message must also be, byte for
// byte, what the encoder of Kubernetes writes for its object.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// pageSize makes a list several pages.
const pageSize = 70

const protobufType = "application/vnd.kubernetes.protobuf"

// codec is the encoder that an API server has.
var codec = protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "same:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: same URL PODS")
	}
	url := arguments[0]
	pods, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	config := &rest.Config{Host: url}
	config.ContentType = "application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := samePages(url, client, pods); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	events, err := sameEvents(url, client, pods)
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	fmt.Printf("same: %d pods in pages, %d events\n", pods, events)
	return nil
}

// samePages compares a list in pages.
func samePages(url string, client kubernetes.Interface, pods int) error {
	found, token := 0, ""
	for {
		options := metav1.ListOptions{Limit: pageSize, Continue: token}
		want, err := client.CoreV1().Pods("").List(context.Background(), options)
		if err != nil {
			return err
		}
		answer, err := get(fmt.Sprintf("%s/api/v1/pods?limit=%d&continue=%s", url, pageSize, token), protobufType)
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(answer)
		answer.Close()
		if err != nil {
			return err
		}
		object, err := decoded(raw)
		if err != nil {
			return err
		}
		if err := same(want, object); err != nil {
			return err
		}
		found += len(want.Items)
		if token = want.Continue; token == "" {
			break
		}
	}
	if found != pods {
		return fmt.Errorf("%d pods came, not %d", found, pods)
	}
	return nil
}

// sameEvents compares two watches: the initial events, an update of every object, and the end by 410.
func sameEvents(url string, client kubernetes.Interface, pods int) (int, error) {
	yes := true
	options := metav1.ListOptions{
		SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
	}
	wanted, err := client.CoreV1().Pods("").Watch(context.Background(), options)
	if err != nil {
		return 0, err
	}
	defer wanted.Stop()
	answer, err := get(url+"/api/v1/pods?watch=true&sendInitialEvents=true&allowWatchBookmarks=true", protobufType+";stream=watch")
	if err != nil {
		return 0, err
	}
	defer answer.Close()
	frames := protobuf.LengthDelimitedFramer.NewFrameReader(answer)

	total := 2*pods + 2
	for i := range total {
		switch i {
		case pods + 1:
			err = post(url + "/control/round")
		case total - 1:
			err = post(url + "/control/relist")
		}
		if err != nil {
			return 0, err
		}
		event, open := <-wanted.ResultChan()
		if !open {
			return 0, fmt.Errorf("only %d events came", i)
		}
		if err := sameEvent(event, frames); err != nil {
			return 0, fmt.Errorf("event %d: %w", i, err)
		}
	}
	return total, nil
}

// sameEvent compares an event with the next frame.
func sameEvent(want watch.Event, frames io.Reader) error {
	frame := make([]byte, 64*1024)
	len, err := frames.Read(frame)
	if err != nil {
		return err
	}
	frame = frame[:len]
	var event metav1.WatchEvent
	if err := event.Unmarshal(frame); err != nil {
		return err
	}
	if string(want.Type) != event.Type {
		return fmt.Errorf("it is %s, not %s", event.Type, want.Type)
	}
	written, err := event.Marshal()
	if err != nil {
		return err
	}
	if !bytes.Equal(written, frame) {
		return fmt.Errorf("the event is encoded in another way than by Kubernetes")
	}
	object, err := decoded(event.Object.Raw)
	if err != nil {
		return err
	}
	return same(want.Object, object)
}

// decoded returns the object in an envelope, if Kubernetes would write the envelope in the same way.
func decoded(raw []byte) (runtime.Object, error) {
	object, kind, err := codec.Decode(raw, nil, nil)
	if err != nil {
		return nil, err
	}
	object.GetObjectKind().SetGroupVersionKind(*kind)
	var written bytes.Buffer
	if err := codec.Encode(object, &written); err != nil {
		return nil, err
	}
	if !bytes.Equal(written.Bytes(), raw) {
		return nil, fmt.Errorf("%s is encoded in another way than by Kubernetes: %q, not %q", kind, raw, written.Bytes())
	}
	return object, nil
}

// same compares objects, and what the encoder makes of them.
func same(want, got runtime.Object) error {
	// The typed client removes them, or not.
	kind := schema.GroupVersionKind{}
	want.GetObjectKind().SetGroupVersionKind(kind)
	got.GetObjectKind().SetGroupVersionKind(kind)
	if !equality.Semantic.DeepEqual(want, got) {
		return fmt.Errorf("JSON and protobuf differ: %v and %v", want, got)
	}
	var one, other bytes.Buffer
	if err := codec.Encode(want, &one); err != nil {
		return err
	}
	if err := codec.Encode(got, &other); err != nil {
		return err
	}
	if !bytes.Equal(one.Bytes(), other.Bytes()) {
		return fmt.Errorf("JSON and protobuf are encoded differently")
	}
	if pod, ok := want.(*corev1.Pod); ok && pod.ResourceVersion == "" {
		return fmt.Errorf("a pod has no version")
	}
	return nil
}

func get(url, accept string) (io.ReadCloser, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if contentType := answer.Header.Get("Content-Type"); contentType != accept {
		answer.Body.Close()
		return nil, fmt.Errorf("the answer is %s, not %s", contentType, accept)
	}
	return answer.Body, nil
}

func post(url string) error {
	answer, err := http.Post(url, "", nil)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
