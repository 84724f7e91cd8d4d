package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

// judge is what the API server keeps of one CRD.
type judge struct {
	name       string
	crdErrors  []string
	gvk        schema.GroupVersionKind
	namespaced bool
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// load reads a CRD of one version; its mistakes are values, and only a file that cannot be read is an error.
func load(path string) (*judge, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var crd v1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		return nil, err
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("%d versions; this program knows how to judge one", len(crd.Spec.Versions))
	}
	internal, err := internalForm(&crd)
	if err != nil {
		return nil, err
	}
	loaded := &judge{
		name:       crd.Name,
		gvk:        schema.GroupVersionKind{Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Kind: crd.Spec.Names.Kind},
		namespaced: crd.Spec.Scope == v1.NamespaceScoped,
	}
	for _, found := range crdvalidation.ValidateCustomResourceDefinition(context.Background(), internal) {
		loaded.crdErrors = append(loaded.crdErrors, found.Error())
	}
	if len(loaded.crdErrors) > 0 {
		return loaded, nil
	}
	return loaded, loaded.compile(internal)
}

func internalForm(crd *v1.CustomResourceDefinition) (*apiextensions.CustomResourceDefinition, error) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	scheme.Default(crd)
	var internal apiextensions.CustomResourceDefinition
	if err := scheme.Convert(crd, &internal, nil); err != nil {
		return nil, err
	}
	// The server's create sets it before it validates.
	internal.Status.StoredVersions = []string{crd.Spec.Versions[0].Name}
	return &internal, nil
}

// compile does what the server does when the CRD is first served (crdHandler.getOrCreateServingInfoFor).
func (j *judge) compile(crd *apiextensions.CustomResourceDefinition) error {
	properties, err := apiextensions.GetSchemaForVersion(crd, j.gvk.Version)
	if err != nil {
		return err
	}
	if j.structural, err = structuralschema.NewStructural(properties.OpenAPIV3Schema); err != nil {
		return err
	}
	if j.schema, _, err = validation.NewSchemaValidator(properties.OpenAPIV3Schema); err != nil {
		return err
	}
	j.rules = cel.NewValidator(j.structural, true, celconfig.PerCallLimit)
	return nil
}
