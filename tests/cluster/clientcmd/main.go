// Command clientcmd asks the server of the kubeconfig for its version, as client-go does it.
//
// It prints `answered CODE`, or `failed: ` and why there was no answer. CONTEXT names the context;
// ASKS is how often it asks, a second apart.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	overrides := &clientcmd.ConfigOverrides{CurrentContext: os.Getenv("CONTEXT")}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		fail(err)
	}
	config.GroupVersion = &schema.GroupVersion{}
	config.NegotiatedSerializer = scheme.Codecs
	client, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		fail(err)
	}
	asks, err := strconv.Atoi(os.Getenv("ASKS"))
	if err != nil {
		asks = 1
	}
	for ask := range asks {
		if ask > 0 {
			time.Sleep(1100 * time.Millisecond)
		}
		code := 0
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		result := client.Get().AbsPath("/version").MaxRetries(0).Do(ctx).StatusCode(&code)
		cancel()
		if code == 0 {
			fail(result.Error())
		}
		fmt.Println("answered", code)
	}
}

func fail(err error) {
	fmt.Println("failed:", err)
	os.Exit(0)
}
