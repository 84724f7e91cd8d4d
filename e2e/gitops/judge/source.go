package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	generator "github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/ssa/utils"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// artifacts are what source-controller would hand out of each GitRepository: its files without those it ignores.
type artifacts struct {
	folders      map[string]string
	repositories map[string]sourcev1.GitRepository
	scratch      string
}

// build is what kustomize-controller does before it applies: generate a kustomization.yaml, and run kustomize on it.
func (a *artifacts) build(kustomization kustomizev1.Kustomization) ([]*unstructured.Unstructured, error) {
	root, err := a.copyOf(kustomization.Spec.SourceRef.Name, kustomization.Spec.Path, kustomization.Name)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, kustomization.Spec.Path)
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&kustomization)
	if err != nil {
		return nil, err
	}
	if _, err := generator.NewGenerator(root, unstructured.Unstructured{Object: content}).WriteFile(folder); err != nil {
		return nil, fmt.Errorf("%s: %w", kustomization.Name, err)
	}
	built, err := generator.SecureBuild(root, folder, false)
	if err != nil {
		return nil, fmt.Errorf("kustomize build of %s failed: %w", kustomization.Name, err)
	}
	text, err := built.AsYaml()
	if err != nil {
		return nil, err
	}
	return readDocuments(text)
}

// copyOf has the files below path alone; they are the only ones that a build may need.
func (a *artifacts) copyOf(source, path, name string) (string, error) {
	from, err := a.folderOf(source)
	if err != nil {
		return "", err
	}
	to := filepath.Join(a.scratch, name)
	ignored := a.ignored(source)
	start := filepath.Join(from, path)
	return to, filepath.WalkDir(start, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, below), 0o755)
		}
		if !entry.Type().IsRegular() || ignored(below) {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, below), text, 0o644)
	})
}

func (a *artifacts) folderOf(source string) (string, error) {
	folder, known := a.folders[source]
	if !known {
		return "", fmt.Errorf("there is no folder for the GitRepository %q", source)
	}
	return folder, nil
}

// ignored is of a path in a source: by source-controller's defaults, and by spec.ignore.
func (a *artifacts) ignored(source string) func(below string) bool {
	repository, known := a.repositories[source]
	if !known || repository.Spec.Ignore == nil {
		return func(string) bool { return false }
	}
	patterns := sourceignore.ReadPatterns(strings.NewReader(*repository.Spec.Ignore), nil)
	matcher := sourceignore.NewDefaultMatcher(patterns, nil)
	return func(below string) bool { return matcher.Match(strings.Split(below, string(filepath.Separator)), false) }
}

func readDocuments(text []byte) ([]*unstructured.Unstructured, error) {
	return utils.ReadObjects(bytes.NewReader(text))
}
