// The contestant client-go: a shared informer, a rate-limiting work queue, and workers.
//
//	client-go [-format protobuf|json] [-workers N] URL PODS key|object
//
// In the mode key a callback takes key, uid and resourceVersion, in the mode object it reads spec and
// status too; the objects are decoded anyway. Protobuf is what client-go asks for by default.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"

	"github.com/kubehandler/kubehandler/tests/peers/go/progress"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client-go:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	flags := flag.NewFlagSet("client-go", flag.ContinueOnError)
	format := flags.String("format", "protobuf", "the format of objects, protobuf or json")
	// The fastest of 1, 2 and 16: decoding is what takes long, and workers only get into its way.
	workers := flags.Int("workers", 1, "callbacks at once")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 3 {
		return fmt.Errorf("usage: client-go [-format protobuf|json] [-workers N] URL PODS key|object")
	}
	pods, err := strconv.Atoi(flags.Arg(1))
	if err != nil {
		return err
	}
	config := &rest.Config{Host: flags.Arg(0)}
	switch *format {
	case "protobuf": // The default of the typed client.
	case "json":
		config.ContentType = "application/json"
	default:
		return fmt.Errorf("unknown format `%s`", *format)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	controller := &controller{
		progress:    progress.New(pods),
		readsObject: flags.Arg(2) == "object",
		queue:       workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]()),
		informer:    informers.NewSharedInformerFactory(client, 0).Core().V1().Pods().Informer(),
	}
	return controller.run(*workers)
}

// controller is what the sample controller of Kubernetes is, for pods.
type controller struct {
	progress    *progress.Progress
	readsObject bool
	queue       workqueue.TypedRateLimitingInterface[string]
	informer    cache.SharedIndexInformer
}

func (c *controller) run(workers int) error {
	if err := c.informer.SetTransform(withoutManagedFields); err != nil {
		return err
	}
	_, err := c.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.enqueue,
		UpdateFunc: func(old, new any) {
			// A relist tells of every object; only a new version is news.
			if old.(*corev1.Pod).ResourceVersion != new.(*corev1.Pod).ResourceVersion {
				c.enqueue(new)
			}
		},
		DeleteFunc: c.enqueue,
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	go c.informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), c.informer.HasSynced) {
		return fmt.Errorf("the cache has not synced")
	}
	for range workers {
		go func() {
			for c.next() {
			}
		}()
	}
	<-c.progress.Synced
	// What the first list left over goes back to the system, which the runtime does only in time.
	debug.FreeOSMemory()
	select {}
}

func (c *controller) enqueue(object any) {
	if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
		c.queue.Add(key)
	}
}

func (c *controller) next() bool {
	key, shutdown := c.queue.Get()
	if shutdown {
		return false
	}
	defer c.queue.Done(key)
	object, exists, err := c.informer.GetStore().GetByKey(key)
	if err == nil && exists {
		pod := object.(*corev1.Pod)
		if c.readsObject {
			runtime.KeepAlive(&pod.Spec)
			runtime.KeepAlive(&pod.Status)
		}
		c.progress.Saw(pod.Name, pod.ResourceVersion)
	}
	c.queue.Forget(key)
	return true
}

func withoutManagedFields(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields = nil
	}
	return object, nil
}
