// The contestants client-go and controller-runtime of the queue contest.
//
//	queue client-go|controller-runtime
//
// Each prints lines `FIGURE NANOSECONDS`: the nanoseconds of one key, of the wall clock or, for
// add_after, of the process's CPU time; medians of a few repeats. The Rust program peer-queue does the same with the same keys.
package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

const (
	keys = 100_000
	// window is the time within which the delayed keys come due.
	window = 50 * time.Millisecond
	// repeats is how often each figure is measured.
	repeats   = 5
	producers = 4
	consumers = 64
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: queue client-go|controller-runtime")
		os.Exit(2)
	}
	var fresh func() workqueue.TypedRateLimitingInterface[string]
	limiter := workqueue.DefaultTypedControllerRateLimiter[string]
	switch os.Args[1] {
	case "client-go":
		fresh = func() workqueue.TypedRateLimitingInterface[string] {
			return workqueue.NewTypedRateLimitingQueue(limiter())
		}
	case "controller-runtime":
		fresh = func() workqueue.TypedRateLimitingInterface[string] {
			return priorityqueue.New("peer", func(o *priorityqueue.Opts[string]) {
				o.RateLimiter = limiter()
			})
		}
	default:
		fmt.Fprintf(os.Stderr, "unknown queue `%s`\n", os.Args[1])
		os.Exit(2)
	}
	run(fresh)
}

func run(fresh func() workqueue.TypedRateLimitingInterface[string]) {
	all := make([]string, keys)
	for i := range all {
		all[i] = fmt.Sprintf("namespace-%04d/object-name-%05d", i%40, i)
	}
	fillAndDrain(fresh(), all) // Warms up what the runtime and the allocator keep.
	report("fill-drain", func() time.Duration { return fillAndDrain(fresh(), all) })
	report("add-after", func() time.Duration { return addAfter(fresh(), all) })
	report("one-to-one", func() time.Duration { return crowd(fresh(), all, 1, 1) })
	report("many-to-many", func() time.Duration { return crowd(fresh(), all, producers, consumers) })
}

// report measures a few times, and prints the median.
func report(figure string, measure func() time.Duration) {
	totals := make([]time.Duration, repeats)
	for i := range totals {
		totals[i] = measure()
	}
	slices.Sort(totals)
	fmt.Printf("%s %.1f\n", figure, float64(totals[repeats/2].Nanoseconds())/keys)
}

// fillAndDrain adds all keys, then takes and ends each, with one worker.
func fillAndDrain(queue workqueue.TypedRateLimitingInterface[string], all []string) time.Duration {
	defer queue.ShutDown()
	started := time.Now()
	for _, key := range all {
		queue.Add(key)
	}
	take(queue, len(all))
	return time.Since(started)
}

// addAfter adds all keys within the window, and returns the CPU time until all are taken.
func addAfter(queue workqueue.TypedRateLimitingInterface[string], all []string) time.Duration {
	defer queue.ShutDown()
	started := processTime()
	for i, key := range all {
		queue.AddAfter(key, window*time.Duration(i+1)/time.Duration(len(all)))
	}
	take(queue, len(all))
	return processTime() - started
}

// crowd shares all keys out among producers, while consumers take them.
func crowd(queue workqueue.TypedRateLimitingInterface[string], all []string, producers, consumers int) time.Duration {
	defer queue.ShutDown()
	var left sync.WaitGroup
	left.Add(len(all))
	for range consumers {
		go func() {
			for {
				key, shutdown := queue.Get()
				if shutdown {
					return
				}
				queue.Done(key)
				left.Done()
			}
		}()
	}
	started := time.Now()
	for producer := range producers {
		go func() {
			for i := producer; i < len(all); i += producers {
				queue.Add(all[i])
			}
		}()
	}
	left.Wait()
	return time.Since(started)
}

func take(queue workqueue.TypedRateLimitingInterface[string], count int) {
	for range count {
		key, _ := queue.Get()
		queue.Done(key)
	}
}

func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
