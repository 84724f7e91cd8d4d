// What istiod would send to sidecars, waypoints and ztunnel for a set of objects: its own code, in process, on a fake API server.
// One request a line on stdin, one answer a line on stdout, both JSON; see ../README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"syscall"

	"istio.io/istio/pkg/log"
)

// Read by Istio's packages while they load, so they must be set before this process begins.
var environment = map[string]string{
	"PILOT_ENABLE_AMBIENT": "true",
	// Filters that only Istio's own build of Envoy has.
	"PILOT_ENABLE_METADATA_EXCHANGE": "false",
	"PILOT_ENABLE_ALPN_FILTER":       "false",
	"UNSAFE_ENABLE_ADMIN_ENDPOINTS":  "false",
}

func main() {
	if os.Getenv("PILOT_ENABLE_AMBIENT") == "" {
		again()
	}
	options := log.DefaultOptions()
	// Of the CRDs that its fake API server lacks, at every request.
	options.OutputPaths = []string{"stderr"}
	options.SetDefaultOutputLevel(log.OverrideScopeName, log.FatalLevel)
	if err := log.Configure(options); err != nil {
		fail(err)
	}
	if err := serve(); err != nil {
		fail(err)
	}
}

func again() {
	path, err := os.Executable()
	if err != nil {
		fail(err)
	}
	env := os.Environ()
	for name, value := range environment {
		env = append(env, name+"="+value)
	}
	fail(syscall.Exec(path, os.Args, env))
}

func serve() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<28)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		if err := answers.Encode(answerTo(lines.Bytes())); err != nil {
			return err
		}
	}
	return lines.Err()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
