package main

import (
	"context"
	"fmt"

	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	metavalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// create returns what the server would store, or why it refuses to create the object with fieldValidation=Strict.
func (j *judge) create(text []byte) (map[string]any, []string) {
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, []string{err.Error()}
	}
	if kind := object.GroupVersionKind(); kind != j.gvk {
		return nil, []string{fmt.Sprintf("%s is not %s", kind, j.gvk)}
	}
	if refusals := j.decode(object); len(refusals) > 0 {
		return nil, refusals
	}
	var refusals []string
	for _, found := range j.validate(object) {
		refusals = append(refusals, found.Error())
	}
	if len(refusals) > 0 {
		return nil, refusals
	}
	return object.Object, nil
}

// decode follows unstructuredSchemaCoercer.apply of apiextensions-apiserver: what a CRD does not name is refused, and a
// null where the schema takes none counts as absent.
func (j *judge) decode(object *unstructured.Unstructured) []string {
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object.Object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return []string{err.Error()}
	}
	defaulting.Default(object.Object, j.structural)
	track := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	unknown = append(unknown, pruning.PruneWithOptions(object.Object, j.structural, true, track)...)
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, j.structural)
	if err := objectmeta.SetObjectMeta(object.Object, meta); err != nil {
		return []string{err.Error()}
	}
	var refusals []string
	for _, path := range unknown {
		refusals = append(refusals, fmt.Sprintf("unknown field %q", path))
	}
	return refusals
}

// validate follows customResourceStrategy of apiextensions-apiserver, PrepareForCreate and Validate.
func (j *judge) validate(object *unstructured.Unstructured) field.ErrorList {
	delete(object.Object, "status") // it is a subresource: create cannot set it
	found := metavalidation.ValidateObjectMetaAccessor(object, j.namespaced, metavalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	found = append(found, validation.ValidateCustomResource(nil, object.Object, j.schema)...)
	found = append(found, objectmeta.Validate(nil, object.Object, j.structural, false)...)
	found = append(found, listtype.ValidateListSetsAndMaps(nil, j.structural, object.Object)...)
	// The server runs rules beside some other errors, too; those rules can only add to a refusal.
	if len(found) > 0 || j.rules == nil {
		return found
	}
	refused, _ := j.rules.Validate(context.Background(), nil, j.structural, object.Object, nil, celconfig.RuntimeCELCostBudget)
	return refused
}
