// What istiod would send to a sidecar, a waypoint and ztunnel for a set of objects.
package main

import (
	_ "istio.io/istio/pilot/pkg/config/kube/crd"
	_ "istio.io/istio/pilot/pkg/networking/core"
	_ "istio.io/istio/pilot/test/xds"
	_ "istio.io/istio/pkg/config/xds"
)

func main() {}
