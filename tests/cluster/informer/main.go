// The program informer watches a server through client-go's shared informers and prints what they say.
//
//	informer
//
// KUBECONFIG names the server. There are three informers: `configmaps` (all of them), `selected`
// (ConfigMaps labelled app=web) and `widgets` (example.com/v1, through the dynamic client). Each event is a
// line of JSON, as is `synced`, once. For each line on standard input, each informer prints its store.
// The program ends when standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// line is what is printed: an event, or the whole store.
type line struct {
	Informer string            `json:"informer"`
	Event    string            `json:"event"`
	Key      string            `json:"key,omitempty"`
	Version  string            `json:"version,omitempty"`
	Store    map[string]string `json:"store,omitempty"`
}

// printer writes whole lines, whoever calls it.
type printer struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (p *printer) print(line line) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err := p.encoder.Encode(line); err != nil {
		os.Exit(1) // Nobody reads any more.
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	all, err := sharedInformers(config)
	if err != nil {
		return err
	}

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out := &printer{encoder: json.NewEncoder(os.Stdout)}
	for name, informer := range all {
		if err := follow(ctx, out, name, informer); err != nil {
			return err
		}
	}
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		for name, informer := range all {
			out.print(line{Informer: name, Event: "store", Store: contents(informer)})
		}
	}
	return nil
}

func sharedInformers(config *rest.Config) (map[string]cache.SharedIndexInformer, error) {
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	// As the controllers of Kubernetes ask: protobuf where there is some.
	typed := rest.CopyConfig(config)
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(typed)
	if err != nil {
		return nil, err
	}

	selected := informers.WithTweakListOptions(func(options *metav1.ListOptions) {
		options.LabelSelector = "app=web"
	})
	widgets := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	return map[string]cache.SharedIndexInformer{
		"configmaps": informers.NewSharedInformerFactory(client, 0).Core().V1().ConfigMaps().Informer(),
		"selected":   informers.NewSharedInformerFactoryWithOptions(client, 0, selected).Core().V1().ConfigMaps().Informer(),
		"widgets":    dynamicinformer.NewDynamicSharedInformerFactory(dynamicClient, 0).ForResource(widgets).Informer(),
	}, nil
}

// follow runs the informer and prints its events.
func follow(ctx context.Context, out *printer, name string, informer cache.SharedIndexInformer) error {
	event := func(event string, object any) {
		out.print(line{Informer: name, Event: event, Key: key(object), Version: version(object)})
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { event("add", object) },
		UpdateFunc: func(_, object any) { event("update", object) },
		DeleteFunc: func(object any) { event("delete", object) },
	})
	if err != nil {
		return err
	}
	go informer.RunWithContext(ctx)
	go func() {
		if cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			out.print(line{Informer: name, Event: "synced"})
		}
	}()
	return nil
}

func contents(informer cache.SharedIndexInformer) map[string]string {
	contents := map[string]string{}
	for _, object := range informer.GetStore().List() {
		contents[key(object)] = version(object)
	}
	return contents
}

func key(object any) string {
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err != nil {
		return err.Error()
	}
	return key
}

func version(object any) string {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err.Error()
	}
	return accessor.GetResourceVersion()
}
