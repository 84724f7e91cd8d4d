package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"
)

// healthQuestion is one line of input.
type healthQuestion struct {
	Script string         `json:"script"`
	Object map[string]any `json:"object"`
}

// health is what a script answers with, and what health_test.yaml expects.
type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// healthTest is one of a health_test.yaml, in Argo CD's format.
type healthTest struct {
	HealthStatus health `json:"healthStatus"`
	InputPath    string `json:"inputPath"`
}

// testVerdict is of one healthTest. Path is of its input, below the folder.
type testVerdict struct {
	Path     string `json:"path"`
	Expected health `json:"expected"`
	Found    health `json:"found"`
}

// healthCodes are those of gitops-engine; another one from a script is an error there.
var healthCodes = map[string]bool{
	"Unknown": true, "Progressing": true, "Suspended": true, "Healthy": true, "Degraded": true, "Missing": true,
}

func judgeHealth(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("health", flag.ContinueOnError)
	folder := flags.String("tests", "", "a folder of resource customizations, laid out as in Argo CD's repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *folder != "" {
		return runHealthTests(*folder, out)
	}
	return eachLine(in, out, func(asked healthQuestion) (health, error) {
		return runHealth(asked.Script, integers(asked.Object).Object)
	})
}

func runHealthTests(folder string, out io.Writer) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*", "*", "health_test.yaml"))
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		return fmt.Errorf("%s: no GROUP/KIND/health_test.yaml", folder)
	}
	verdicts := []testVerdict{}
	for _, path := range paths {
		found, err := runHealthTest(folder, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		verdicts = append(verdicts, found...)
	}
	text, err := yaml.Marshal(verdicts)
	if err != nil {
		return err
	}
	text, err = yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func runHealthTest(root, folder string) ([]testVerdict, error) {
	script, err := os.ReadFile(filepath.Join(folder, "health.lua"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Tests []healthTest `json:"tests"`
	}
	if err := readYAML(filepath.Join(folder, "health_test.yaml"), &file); err != nil {
		return nil, err
	}
	verdicts := []testVerdict{}
	for _, test := range file.Tests {
		path := filepath.Join(folder, test.InputPath)
		object := map[string]any{}
		if err := readYAML(path, &object); err != nil {
			return nil, err
		}
		found, err := runHealth(string(script), integers(object).Object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", test.InputPath, err)
		}
		below, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, testVerdict{Path: below, Expected: test.HealthStatus, Found: found})
	}
	return verdicts, nil
}

func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return yaml.UnmarshalStrict(text, into)
}

// runHealth gives the script what Argo CD's util/lua gives it: packages, the base and tables, no strings, no files, one
// second. (Argo CD's own os knows the time, which no health of ours may depend on.)
func runHealth(script string, object map[string]any) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}} {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return health{}, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luaValue(state, object))
	if err := state.DoString(script); err != nil {
		return health{}, err
	}
	return healthOf(state.Get(-1))
}

func healthOf(answer lua.LValue) (health, error) {
	table, is := answer.(*lua.LTable)
	if !is {
		return health{}, fmt.Errorf("the script answers with a %s instead of a table", answer.Type())
	}
	var wrong error
	text := func(name string) string {
		value := table.RawGetString(name)
		if value != lua.LNil && value.Type() != lua.LTString {
			wrong = errors.Join(wrong, fmt.Errorf("the script's %s is a %s", name, value.Type()))
		}
		return lua.LVAsString(value)
	}
	said := health{Status: text("status"), Message: text("message")}
	if !healthCodes[said.Status] {
		wrong = errors.Join(wrong, fmt.Errorf("Argo CD knows no health %q", said.Status))
	}
	return said, wrong
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, child := range value {
			table.Append(luaValue(state, child))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for name, child := range value {
			table.RawSetString(name, luaValue(state, child))
		}
		return table
	}
	return lua.LNil
}
