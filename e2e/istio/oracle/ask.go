package main

import (
	"encoding/json"
	"fmt"
	"sort"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"istio.io/api/label"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/constants"
	_ "istio.io/istio/pkg/config/xds" // every type that a listener may hold, for protojson
	"istio.io/istio/pkg/test"
)

type listenerAnswer struct {
	// virtualInbound of a sidecar, main_internal of a waypoint; protojson, as it is sent.
	Listener json.RawMessage `json:"listener"`
}

type ztunnelAnswer struct {
	// All that apply to the workload, in the order of their names; protojson of istio.security.Authorization.
	Policies []json.RawMessage `json:"policies"`
	// What istiod would say of each in its status: ZtunnelAccepted.
	Accepted []condition `json:"accepted"`
}

type condition struct {
	Bound   bool   `json:"bound"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func ask(all objects, meshConfig *meshconfig.MeshConfig, proxies []proxy) (answers []any, err error) {
	failed := test.Wrap(func(t test.Failer) {
		defer func() {
			if caught := recover(); caught != nil {
				err = fmt.Errorf("istiod panicked: %v", caught)
			}
		}()
		placed := place(&all, proxies)
		server := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
			Configs:           all.configs,
			KubernetesObjects: all.kubernetes,
			MeshConfig:        meshConfig,
		})
		answers = make([]any, 0, len(proxies))
		for index, one := range proxies {
			found, problem := answerFor(server, one, placed[index])
			if problem != nil {
				err = fmt.Errorf("%s %s/%s: %w", one.Kind, one.Namespace, one.Name, problem)
				return
			}
			answers = append(answers, found)
		}
	})
	if failed != nil {
		return nil, failed
	}
	return answers, err
}

func answerFor(server *xds.FakeDiscoveryServer, one proxy, address string) (any, error) {
	switch one.Kind {
	case "sidecar":
		return listenerOf(server, model.SidecarProxy, one, address)
	case "waypoint":
		return listenerOf(server, model.Waypoint, one, address)
	case "ztunnel":
		return policiesOf(server, one)
	default:
		return nil, fmt.Errorf("kind must be sidecar, waypoint or ztunnel")
	}
}

func listenerOf(server *xds.FakeDiscoveryServer, kind model.NodeType, one proxy, address string) (any, error) {
	version := one.IstioVersion
	if version == "" {
		version = "1.31.0"
	}
	labels := one.Labels
	if kind == model.Waypoint {
		labels = map[string]string{
			label.IoK8sNetworkingGatewayGatewayName.Name: one.Name,
			label.GatewayManaged.Name:                    constants.ManagedGatewayMeshControllerLabel,
		}
	}
	node := server.SetupProxy(&model.Proxy{
		Type:            kind,
		ID:              one.Name + "." + one.Namespace,
		ConfigNamespace: one.Namespace,
		IPAddresses:     []string{address},
		Labels:          labels,
		Metadata: &model.NodeMetadata{
			Namespace:      one.Namespace,
			Labels:         labels,
			ServiceAccount: one.ServiceAccount,
			IstioVersion:   version,
			ClusterID:      constants.DefaultClusterName,
		},
	})
	wanted := map[model.NodeType]string{model.SidecarProxy: model.VirtualInboundListenerName, model.Waypoint: "main_internal"}[kind]
	for _, found := range server.Listeners(node) {
		if found.Name == wanted {
			text, err := asJSON(found)
			return listenerAnswer{Listener: text}, err
		}
	}
	return nil, fmt.Errorf("istiod has no listener %s for it", wanted)
}

func policiesOf(server *xds.FakeDiscoveryServer, one proxy) (any, error) {
	names := map[string]bool{}
	found := false
	for _, info := range server.AmbientIndex.All() {
		workload := info.GetWorkload()
		if workload == nil || workload.Namespace != one.Namespace || workload.Name != one.Name {
			continue
		}
		found = true
		for _, name := range workload.AuthorizationPolicies {
			names[name] = true
		}
	}
	if !found {
		return nil, fmt.Errorf("istiod knows no such workload")
	}
	answers := []json.RawMessage{}
	accepted := []condition{}
	policies := server.AmbientIndex.Policies(nil)
	sort.Slice(policies, func(a, b int) bool { return policies[a].ResourceName() < policies[b].ResourceName() })
	for _, policy := range policies {
		authorization := policy.Authorization
		if authorization == nil || !(names[authorization.Namespace+"/"+authorization.Name] || isWider(authorization.Scope.String(), authorization.Namespace, one)) {
			continue
		}
		text, err := asJSON(authorization)
		if err != nil {
			return nil, err
		}
		answers = append(answers, text)
		accepted = append(accepted, acceptedOf(policy))
	}
	return ztunnelAnswer{Policies: answers, Accepted: accepted}, nil
}

func acceptedOf(policy model.WorkloadAuthorization) condition {
	said := policy.GetConditions(nil)[model.ZtunnelAccepted]
	return condition{Bound: said.Status, Reason: said.Reason, Message: said.Message}
}

// A workload does not name what its namespace or the mesh has for all.
func isWider(scope string, namespace string, one proxy) bool {
	return scope == "GLOBAL" || (scope == "NAMESPACE" && namespace == one.Namespace)
}

func asJSON(message proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
}
