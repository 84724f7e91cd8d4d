package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/kube"
)

// Objects as the fake API server holds them, and those of them that Istio also reads as configuration.
type objects struct {
	kubernetes []runtime.Object
	configs    []config.Config
}

// Istio's own reader drops unknown kinds and fields without a word; here each is an error of its object.
type document struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              *json.RawMessage `json:"spec,omitempty"`
	Status            *json.RawMessage `json:"status,omitempty"`
}

var strictly = serializer.NewCodecFactory(kube.IstioScheme, serializer.EnableStrict).UniversalDeserializer()

func readObjects(text string) (objects, []validity, error) {
	reader := kubeyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader([]byte(text))))
	var all objects
	said := []validity{}
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, said, nil
		}
		if err != nil {
			return all, said, err
		}
		asJSON, err := yaml.YAMLToJSONStrict(part)
		if err != nil {
			return all, said, err
		}
		if string(asJSON) == "null" {
			continue
		}
		said = append(said, all.add(asJSON))
	}
}

func (all *objects) add(asJSON []byte) validity {
	var head struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
	}
	found := validity{Errors: []string{}, Warnings: []string{}}
	if err := json.Unmarshal(asJSON, &head); err != nil {
		found.Errors = append(found.Errors, err.Error())
		return found
	}
	found.Object = fmt.Sprintf("%s %s/%s", head.Kind, head.Metadata.Namespace, head.Metadata.Name)
	gvk := head.GroupVersionKind()
	schema, ofIstio := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if ofIstio && gvk.Group != "" {
		return all.addConfig(schema, asJSON, found)
	}
	object, _, err := strictly.Decode(asJSON, nil, nil)
	if err != nil {
		found.Errors = append(found.Errors, err.Error())
		return found
	}
	all.kubernetes = append(all.kubernetes, object)
	return found
}

func (all *objects) addConfig(schema resource.Schema, asJSON []byte, found validity) validity {
	var object document
	unknown, err := kjson.UnmarshalStrict(asJSON, &object)
	for _, one := range append(unknown, err) {
		if one != nil {
			found.Errors = append(found.Errors, one.Error())
		}
	}
	if len(found.Errors) > 0 {
		return found
	}
	kind := crd.IstioKind{TypeMeta: object.TypeMeta, ObjectMeta: object.ObjectMeta, Status: object.Status, Spec: json.RawMessage("{}")}
	if object.Spec != nil {
		kind.Spec = *object.Spec
	}
	read, err := crd.ConvertObjectInternal(schema, &kind, "", applyStrictly)
	if err != nil {
		found.Errors = append(found.Errors, err.Error())
		return found
	}
	warning, err := schema.ValidateConfig(*read)
	if warning != nil {
		found.Warnings = append(found.Warnings, warning.Error())
	}
	if err != nil {
		found.Errors = append(found.Errors, err.Error())
	}
	decoded, _, err := kube.IstioCodec.UniversalDeserializer().Decode(asJSON, nil, nil)
	if err != nil {
		found.Errors = append(found.Errors, err.Error())
		return found
	}
	all.kubernetes = append(all.kubernetes, decoded)
	all.configs = append(all.configs, *read)
	return found
}

func applyStrictly(schema resource.Schema, spec string) (config.Spec, error) {
	instance, err := schema.NewInstance()
	if err != nil {
		return nil, err
	}
	return instance, config.ApplyJSONStrict(instance, spec)
}
