package main

import (
	"bytes"
	"encoding/json"

	"istio.io/istio/pkg/config/mesh"
)

type request struct {
	// YAML, any number of documents.
	Objects string `json:"objects"`
	// YAML of MeshConfig; Istio's defaults stand beneath it.
	MeshConfig string  `json:"meshConfig"`
	Proxies    []proxy `json:"proxies"`
}

type proxy struct {
	// sidecar, waypoint or ztunnel: the workload is then what is asked about.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	// Of the Pod; of the Gateway, for a waypoint.
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels"`
	ServiceAccount string            `json:"serviceAccount"`
	// Of the Pod's container: what targetPorts with a name mean.
	Ports []containerPort `json:"ports"`
	// Which the proxy says it is; 1.31.0 when absent.
	IstioVersion string `json:"istioVersion"`
}

type containerPort struct {
	Name string `json:"name"`
	Port int32  `json:"port"`
}

type answer struct {
	// The request could not be answered at all.
	Error string `json:"error,omitempty"`
	// One an object, in their order.
	Validate []validity `json:"validate"`
	// One a proxy, in their order; empty when an object is refused.
	Proxies []any `json:"proxies"`
}

type validity struct {
	Object   string   `json:"object"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

func answerTo(line []byte) answer {
	var asked request
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return answer{Error: "the request cannot be read: " + err.Error()}
	}
	meshConfig, err := mesh.ApplyMeshConfigDefaults(asked.MeshConfig)
	if err != nil {
		return answer{Error: "meshConfig: " + err.Error()}
	}
	objects, validate, err := readObjects(asked.Objects)
	if err != nil {
		return answer{Error: err.Error()}
	}
	for _, one := range validate {
		if len(one.Errors) > 0 {
			return answer{Validate: validate, Proxies: []any{}}
		}
	}
	proxies, err := ask(objects, meshConfig, asked.Proxies)
	if err != nil {
		return answer{Error: err.Error(), Validate: validate}
	}
	return answer{Validate: validate, Proxies: proxies}
}
