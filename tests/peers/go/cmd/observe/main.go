// The observer of client-go in the latency contest: notes when a callback is entered, for every ConfigMap.
//
// It prints `ready` when all that is there was handled, and a line `NAME VERSION NANOSECONDS` for each
// callback once its standard input ends, so that printing delays nothing.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
)

// workers is what our observer has, too.
const workers = 16

type call struct {
	name, version string
	nanos         int64
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "observe:", err)
		os.Exit(1)
	}
}

func run() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	// As the controllers of Kubernetes ask.
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	informer := informers.NewSharedInformerFactory(client, 0).Core().V1().ConfigMaps().Informer()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	enqueue := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			queue.Add(key)
		}
	}
	registration, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
		DeleteFunc: enqueue,
	})
	if err != nil {
		return err
	}
	ctx := context.Background()
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return fmt.Errorf("the cache has not synced")
	}

	var lock sync.Mutex
	var calls []call
	for range workers {
		go func() {
			for {
				key, shutdown := queue.Get()
				if shutdown {
					return
				}
				if object, exists, err := informer.GetStore().GetByKey(key); err == nil && exists {
					now := time.Now().UnixNano()
					configMap := object.(*corev1.ConfigMap)
					lock.Lock()
					calls = append(calls, call{configMap.Name, configMap.ResourceVersion, now})
					lock.Unlock()
				}
				queue.Forget(key)
				queue.Done(key)
			}
		}()
	}
	for queue.Len() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	queue.ShutDownWithDrain()
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lock.Lock()
	defer lock.Unlock()
	for _, call := range calls {
		fmt.Fprintln(out, call.name, call.version, call.nanos)
	}
	return nil
}
