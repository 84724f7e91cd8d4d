package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/kstatus/polling/engine"
	"github.com/fluxcd/cli-utils/pkg/object"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/runtime/cel"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

const controller = "kustomize-controller"

// pollEvery is how often a health check looks; Flux looks every five seconds.
const pollEvery = 250 * time.Millisecond

// applier applies, waits and prunes with the libraries and the settings of kustomize-controller.
type applier struct {
	asked  syncRequest
	client client.Client
	mapper meta.RESTMapper
}

func newApplier(asked syncRequest) (*applier, error) {
	config, err := clientcmd.BuildConfigFromFlags("", asked.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, httpClient)
	if err != nil {
		return nil, err
	}
	kube, err := client.New(config, client.Options{HTTPClient: httpClient, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	return &applier{asked: asked, client: kube, mapper: mapper}, nil
}

func (a *applier) manager(kustomization kustomizev1.Kustomization) (*ssa.ResourceManager, error) {
	options := polling.Options{}
	if checks := kustomization.Spec.HealthCheckExprs; len(checks) > 0 {
		reader, err := cel.NewStatusReader(checks)
		if err != nil {
			return nil, err
		}
		options.CustomStatusReaders = []engine.StatusReader{reader(a.mapper)}
	}
	poller := polling.NewStatusPoller(a.client, a.mapper, options)
	return ssa.NewResourceManager(a.client, poller, ssa.Owner{
		Field: controller,
		Group: kustomizev1.GroupVersion.Group,
	}), nil
}

func (a *applier) reconcile(ctx context.Context, kustomization kustomizev1.Kustomization, sources *artifacts, said *kustomizationAnswer) error {
	objects, err := sources.build(kustomization)
	if err != nil {
		return err
	}
	releases, objects, err := releasesAmong(objects)
	if err != nil {
		return err
	}
	manager, err := a.manager(kustomization)
	if err != nil {
		return err
	}
	manager.SetOwnerLabels(objects, kustomization.Name, kustomization.Namespace)
	if err := a.apply(ctx, manager, objects, said); err != nil {
		return err
	}
	if err := a.prune(ctx, manager, kustomization, objects, said); err != nil {
		return err
	}
	for _, release := range releases {
		if err := a.install(ctx, release, sources); err != nil {
			return err
		}
	}
	if kustomization.Spec.Wait {
		waiting := ssa.WaitOptions{Interval: pollEvery, Timeout: a.timeout(kustomization), FailFast: true}
		if err := manager.Wait(objects, waiting); err != nil {
			return fmt.Errorf("health check failed: %w", err)
		}
	}
	return drift(ctx, manager, objects, said)
}

func (a *applier) timeout(kustomization kustomizev1.Kustomization) time.Duration {
	if a.asked.TimeoutSeconds > 0 {
		return time.Duration(a.asked.TimeoutSeconds) * time.Second
	}
	return kustomization.GetTimeout()
}

// apply takes objects over from kubectl and from itself before it applied server-side, as kustomize-controller does.
func (a *applier) apply(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured, said *kustomizationAnswer) error {
	options := ssa.DefaultApplyOptions()
	options.WaitInterval = pollEvery
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{corev1.LastAppliedConfigAnnotation},
		FieldManagers: []ssa.FieldManager{
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "before-first-apply", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: controller, OperationType: metav1.ManagedFieldsOperationUpdate},
		},
	}
	changes, err := manager.ApplyAllStaged(ctx, objects, options)
	if changes != nil {
		for _, entry := range changes.Entries {
			said.Changes[entry.Subject] = entry.Action.String()
		}
	}
	return err
}

// prune deletes what the last inventory has and this one does not, where it still bears the labels of its owner.
func (a *applier) prune(ctx context.Context, manager *ssa.ResourceManager, kustomization kustomizev1.Kustomization, objects []*unstructured.Unstructured, said *kustomizationAnswer) error {
	before := said.Inventory
	said.Inventory = []string{}
	for _, one := range objects {
		id := object.UnstructuredToObjMetadata(one).String() + " " + one.GroupVersionKind().Version
		said.Inventory = append(said.Inventory, id)
	}
	slices.Sort(said.Inventory)
	if !kustomization.Spec.Prune {
		return nil
	}
	gone := []*unstructured.Unstructured{}
	for _, id := range before {
		if slices.Contains(said.Inventory, id) {
			continue
		}
		one, err := objectOf(id)
		if err != nil {
			return err
		}
		gone = append(gone, one)
	}
	options := ssa.DeleteOptions{
		PropagationPolicy: metav1.DeletePropagationBackground,
		Inclusions:        manager.GetOwnerLabels(kustomization.Name, kustomization.Namespace),
		Exclusions:        map[string]string{kustomizev1.GroupVersion.Group + "/prune": kustomizev1.DisabledValue},
	}
	deleted, err := manager.DeleteAll(ctx, gone, options)
	for _, entry := range deleted.Entries {
		said.Changes[entry.Subject] = entry.Action.String()
	}
	if err != nil {
		return err
	}
	return manager.WaitForSetTermination(deleted, ssa.WaitOptions{Interval: pollEvery, Timeout: a.timeout(kustomization)})
}

func objectOf(id string) (*unstructured.Unstructured, error) {
	metadata, version, _ := strings.Cut(id, " ")
	parsed, err := object.ParseObjMetadata(metadata)
	if err != nil {
		return nil, err
	}
	one := &unstructured.Unstructured{}
	one.SetGroupVersionKind(parsed.GroupKind.WithVersion(version))
	one.SetNamespace(parsed.Namespace)
	one.SetName(parsed.Name)
	return one, nil
}

func drift(ctx context.Context, manager *ssa.ResourceManager, objects []*unstructured.Unstructured, said *kustomizationAnswer) error {
	for _, one := range objects {
		entry, _, _, err := manager.Diff(ctx, one, ssa.DefaultDiffOptions())
		if err != nil {
			return err
		}
		if entry.Action != ssa.UnchangedAction {
			said.Drift = append(said.Drift, utils.FmtUnstructured(one)+" "+entry.Action.String())
		}
	}
	return nil
}
