package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/kustomize"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// syncRequest is the input of `judge flux`. The cluster needs no Flux: its objects are read, and not applied.
type syncRequest struct {
	Kubeconfig string `json:"kubeconfig"`
	// Sources has the folder of each GitRepository, by name.
	Sources map[string]string `json:"sources"`
	// Root is the path, in its source, of what the first Kustomization applies: the other Flux objects.
	Root rootRequest `json:"root"`
	// Patches are added to spec.patches of every Kustomization.
	Patches []kustomize.Patch `json:"patches"`
	// Skip names Kustomizations that count as ready.
	Skip []string `json:"skip"`
	// Inventories are those of the last answer: what is in one and not in Git any more is deleted.
	Inventories map[string][]string `json:"inventories"`
	// Helm is the path of its program.
	Helm string `json:"helm"`
	// TimeoutSeconds replaces every spec.timeout.
	TimeoutSeconds int `json:"timeoutSeconds"`
}

type rootRequest struct {
	Source string `json:"source"`
	Path   string `json:"path"`
}

// syncAnswer has one entry for each Kustomization, in the order in which they were done.
type syncAnswer struct {
	Kustomizations []kustomizationAnswer `json:"kustomizations"`
}

type kustomizationAnswer struct {
	Name string `json:"name"`
	// Error is why it is not ready, as its Ready condition would say.
	Error string `json:"error,omitempty"`
	// Changes by subject (Kind/namespace/name): created, configured, unchanged, skipped, deleted.
	Changes map[string]string `json:"changes"`
	// Drift is what an immediate dry run would change again.
	Drift     []string `json:"drift"`
	Inventory []string `json:"inventory"`
	Seconds   float64  `json:"seconds"`
}

// tree is what the root Kustomization holds.
type tree struct {
	repositories   map[string]sourcev1.GitRepository
	kustomizations []kustomizev1.Kustomization
}

func syncTree(ctx context.Context, asked syncRequest) (*syncAnswer, error) {
	scratch, err := os.MkdirTemp("", "judge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)
	sources := &artifacts{folders: asked.Sources, scratch: scratch}
	found, err := readTree(sources, asked)
	if err != nil {
		return nil, err
	}
	ordered, err := inOrder(found.kustomizations, asked.Root)
	if err != nil {
		return nil, err
	}
	applier, err := newApplier(asked)
	if err != nil {
		return nil, err
	}
	answer := &syncAnswer{Kustomizations: []kustomizationAnswer{}}
	ready := map[string]bool{}
	for _, kustomization := range ordered {
		if slices.Contains(asked.Skip, kustomization.Name) {
			ready[kustomization.Name] = true
			continue
		}
		began := time.Now()
		said := kustomizationAnswer{Name: kustomization.Name, Changes: map[string]string{}, Drift: []string{}}
		said.Inventory = append([]string{}, asked.Inventories[kustomization.Name]...)
		err := notReady(kustomization, ready)
		if err == nil {
			err = applier.reconcile(ctx, kustomization, sources, &said)
		}
		if err != nil {
			said.Error = err.Error()
		}
		ready[kustomization.Name] = err == nil
		said.Seconds = time.Since(began).Seconds()
		answer.Kustomizations = append(answer.Kustomizations, said)
	}
	return answer, nil
}

func notReady(kustomization kustomizev1.Kustomization, ready map[string]bool) error {
	for _, one := range kustomization.Spec.DependsOn {
		if !ready[one.Name] {
			return fmt.Errorf("dependency '%s/%s' is not ready", kustomization.Namespace, one.Name)
		}
	}
	return nil
}

// readTree builds what the root applies, reads each Flux object as its controller would, and refuses any other.
func readTree(sources *artifacts, asked syncRequest) (*tree, error) {
	found := &tree{repositories: map[string]sourcev1.GitRepository{}}
	root := kustomizev1.Kustomization{}
	root.Name = "root"
	root.Spec.SourceRef.Name, root.Spec.Path = asked.Root.Source, asked.Root.Path
	objects, err := sources.build(root)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		switch object.GetKind() {
		case sourcev1.GitRepositoryKind:
			var repository sourcev1.GitRepository
			if err := decodeStrictly(object, &repository); err != nil {
				return nil, err
			}
			found.repositories[repository.Name] = repository
		case kustomizev1.KustomizationKind:
			var kustomization kustomizev1.Kustomization
			if err := decodeStrictly(object, &kustomization); err != nil {
				return nil, err
			}
			kustomization.Spec.Patches = append(kustomization.Spec.Patches, asked.Patches...)
			found.kustomizations = append(found.kustomizations, kustomization)
		default:
			return nil, fmt.Errorf("%s holds a %s, which is no Flux object of ours", asked.Root.Path, object.GetKind())
		}
	}
	sources.repositories = found.repositories
	return found, nil
}

// inOrder puts what others depend on before them, and leaves out the root itself.
func inOrder(all []kustomizev1.Kustomization, root rootRequest) ([]kustomizev1.Kustomization, error) {
	byName := map[string]kustomizev1.Kustomization{}
	for _, one := range all {
		if one.Spec.SourceRef.Name == root.Source && filepath.Clean(one.Spec.Path) == filepath.Clean(root.Path) {
			continue
		}
		byName[one.Name] = one
	}
	ordered, placed := []kustomizev1.Kustomization{}, map[string]bool{}
	for len(ordered) < len(byName) {
		before := len(ordered)
		for _, one := range all {
			if _, known := byName[one.Name]; known && !placed[one.Name] && notReady(one, placed) == nil {
				ordered, placed[one.Name] = append(ordered, one), true
			}
		}
		if len(ordered) == before {
			return nil, fmt.Errorf("some Kustomizations depend on each other, or on none that there is")
		}
	}
	return ordered, nil
}

// releasesAmong takes the HelmReleases out of what is to be applied.
func releasesAmong(objects []*unstructured.Unstructured) ([]helmv2.HelmRelease, []*unstructured.Unstructured, error) {
	releases, others := []helmv2.HelmRelease{}, []*unstructured.Unstructured{}
	for _, object := range objects {
		if object.GetKind() != helmv2.HelmReleaseKind {
			others = append(others, object)
			continue
		}
		var release helmv2.HelmRelease
		if err := decodeStrictly(object, &release); err != nil {
			return nil, nil, err
		}
		releases = append(releases, release)
	}
	return releases, others, nil
}
