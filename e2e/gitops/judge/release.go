package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"sigs.k8s.io/yaml"
)

// install does with Helm's program what helm-controller does with its library.
func (a *applier) install(ctx context.Context, release helmv2.HelmRelease, sources *artifacts) error {
	if a.asked.Helm == "" {
		return fmt.Errorf("HelmRelease %s: the request names no helm", release.Name)
	}
	chart := release.Spec.Chart
	if chart == nil {
		return fmt.Errorf("HelmRelease %s has no spec.chart", release.Name)
	}
	folder, err := sources.folderOf(chart.Spec.SourceRef.Name)
	if err != nil {
		return err
	}
	path := filepath.Join(chart.Spec.Chart, "Chart.yaml")
	if sources.ignored(chart.Spec.SourceRef.Name)(filepath.Clean(path)) {
		return fmt.Errorf("HelmRelease %s: its GitRepository %s ignores %s", release.Name, chart.Spec.SourceRef.Name, path)
	}
	values, err := yaml.Marshal(release.GetValues())
	if err != nil {
		return err
	}
	file := filepath.Join(sources.scratch, release.Name+"-values.yaml")
	if err := os.WriteFile(file, values, 0o600); err != nil {
		return err
	}
	program := exec.CommandContext(ctx, a.asked.Helm, "upgrade", "--install", release.GetReleaseName(),
		filepath.Join(folder, chart.Spec.Chart), "--namespace", release.GetReleaseNamespace(), "--values", file,
		"--wait", "--timeout", release.GetTimeout().Duration.String(), "--skip-crds")
	program.Env = append(os.Environ(), "KUBECONFIG="+a.asked.Kubeconfig)
	if said, err := program.CombinedOutput(); err != nil {
		return fmt.Errorf("HelmRelease %s: %w: %s", release.Name, err, said)
	}
	return nil
}
