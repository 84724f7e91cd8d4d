package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kerrors "k8s.io/apimachinery/pkg/util/errors"
	"sigs.k8s.io/yaml"
)

// statusVerdict is of one object. Health is by the health check expressions of its kind, where there are any.
type statusVerdict struct {
	// Rules is the checker that fits: an object that is being worked on is judged as such.
	Rules   string   `json:"rules"`
	Fails   []string `json:"fails"`
	Warns   []string `json:"warns"`
	Kstatus string   `json:"kstatus"`
	Message string   `json:"message"`
	Health  string   `json:"health,omitempty"`
}

func judgeStatuses(args []string, in io.Reader, out io.Writer) error {
	evaluators := map[schema.GroupKind]*cel.StatusEvaluator{}
	for _, path := range args {
		if err := readHealthChecks(path, evaluators); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return eachLine(in, out, func(object map[string]any) (statusVerdict, error) {
		return judgeStatus(integers(object), evaluators)
	})
}

// readHealthChecks reads the spec.healthCheckExprs of a Flux Kustomization.
func readHealthChecks(path string, evaluators map[schema.GroupKind]*cel.StatusEvaluator) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	objects, err := readDocuments(text)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if object.GetKind() != kustomizev1.KustomizationKind {
			continue
		}
		var kustomization kustomizev1.Kustomization
		if err := decodeStrictly(object, &kustomization); err != nil {
			return err
		}
		for _, one := range kustomization.Spec.HealthCheckExprs {
			if err := addEvaluator(one, evaluators); err != nil {
				return err
			}
		}
	}
	return nil
}

func addEvaluator(one kustomize.CustomHealthCheck, evaluators map[schema.GroupKind]*cel.StatusEvaluator) error {
	evaluator, err := cel.NewStatusEvaluator(&one.HealthCheckExpressions)
	if err != nil {
		return err
	}
	evaluators[schema.FromAPIVersionAndKind(one.APIVersion, one.Kind).GroupKind()] = evaluator
	return nil
}

func judgeStatus(object *unstructured.Unstructured, evaluators map[schema.GroupKind]*cel.StatusEvaluator) (statusVerdict, error) {
	getter := conditions.UnstructuredGetter(object)
	checker, rules := check.NewChecker(nil, &check.Conditions{
		NegativePolarity: []string{meta.StalledCondition, meta.ReconcilingCondition},
	}), "done"
	if conditions.IsTrue(getter, meta.ReconcilingCondition) || conditions.IsUnknown(getter, meta.ReadyCondition) {
		checker, rules = check.NewInProgressChecker(nil), "in progress"
	}
	checker.DisableFetch = true
	ctx := context.Background()
	fail, warn := checker.Check(ctx, getter)
	said := statusVerdict{Rules: rules, Fails: sentences(fail), Warns: sentences(warn)}
	computed, err := status.Compute(object)
	if err != nil {
		return said, err
	}
	said.Kstatus, said.Message = string(computed.Status), computed.Message
	evaluator, known := evaluators[object.GroupVersionKind().GroupKind()]
	if !known {
		return said, nil
	}
	health, err := evaluator.Evaluate(ctx, object)
	if err != nil {
		return said, err
	}
	said.Health = string(health.Status)
	return said, nil
}

func sentences(err error) []string {
	all := []string{}
	var aggregate kerrors.Aggregate
	if errors.As(err, &aggregate) {
		for _, one := range aggregate.Errors() {
			all = append(all, one.Error())
		}
	}
	return all
}

// integers makes of a decoded object one whose whole numbers are int64, as those of the API server are.
func integers(object map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: integersWithin(object).(map[string]any)}
}

func integersWithin(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, child := range value {
			value[name] = integersWithin(child)
		}
	case []any:
		for index, child := range value {
			value[index] = integersWithin(child)
		}
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole
		}
	}
	return value
}

func decodeStrictly(object *unstructured.Unstructured, into any) error {
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return nil
}
