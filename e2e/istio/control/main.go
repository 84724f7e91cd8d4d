// Istio's control plane and its agent in one binary, chosen by the name it is run as (pilot-discovery, pilot-agent), or else by
// the first argument (discovery, agent); what follows is theirs.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	meshconfig "istio.io/api/mesh/v1alpha1"
	agent "istio.io/istio/pilot/cmd/pilot-agent/app"
	discovery "istio.io/istio/pilot/cmd/pilot-discovery/app"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/nodeagent/sds"
)

func main() {
	command, arguments := chosen(os.Args)
	if command == nil {
		fmt.Fprintln(os.Stderr, "usage: control discovery|agent …")
		os.Exit(2)
	}
	log.EnableKlogWithCobra()
	command.SetArgs(arguments)
	if err := command.Execute(); err != nil {
		log.Error(err)
		os.Exit(1)
	}
}

func chosen(words []string) (*cobra.Command, []string) {
	switch filepath.Base(words[0]) {
	case "pilot-discovery":
		return discovery.NewRootCommand(), words[1:]
	case "pilot-agent":
		return newAgent(), words[1:]
	}
	if len(words) < 2 {
		return nil, nil
	}
	switch words[1] {
	case "discovery":
		return discovery.NewRootCommand(), words[1:] // its own command has that name, too
	case "agent":
		return newAgent(), words[2:]
	}
	return nil, nil
}

func newAgent() *cobra.Command {
	return agent.NewRootCommand(func(options *security.Options, cache security.SecretManager, keys *meshconfig.PrivateKeyProvider) istioagent.SDSService {
		return sds.NewServer(options, cache, keys)
	})
}
