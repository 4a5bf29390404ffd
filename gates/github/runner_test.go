package github_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/alloc-dev/heaptop/gates/github"
)

// The parts of a workflow that the runner uses.
type (
	workflow struct {
		On          map[string]any    `yaml:"on"`
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]job    `yaml:"jobs"`
	}
	job struct {
		If          string            `yaml:"if"`
		Needs       string            `yaml:"needs"`
		Uses        string            `yaml:"uses"`
		With        map[string]any    `yaml:"with"`
		Outputs     map[string]string `yaml:"outputs"`
		Permissions map[string]string `yaml:"permissions"`
		Timeout     int               `yaml:"timeout-minutes"`
		Steps       []step            `yaml:"steps"`
	}
	step struct {
		ID    string            `yaml:"id"`
		Name  string            `yaml:"name"`
		If    string            `yaml:"if"`
		Uses  string            `yaml:"uses"`
		Run   string            `yaml:"run"`
		Shell string            `yaml:"shell"`
		With  map[string]any    `yaml:"with"`
		Env   map[string]string `yaml:"env"`
	}
	action struct {
		Inputs  map[string]struct{ Default string }
		Outputs map[string]struct{ Value string }
		Runs    struct{ Steps []step }
	}
)

// rendered are this repository's workflows by name, and its action.
func rendered(t *testing.T) (map[string]workflow, action) {
	t.Helper()
	all, act := map[string]workflow{}, action{}
	for _, f := range github.Workflows(own()) {
		if strings.HasSuffix(f.Path, "/action.yml") {
			if err := yaml.Unmarshal(f.Data, &act); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var w workflow
		if err := yaml.Unmarshal(f.Data, &w); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		all[filepath.Base(f.Path)] = w
	}
	return all, act
}

// runner runs jobs on this machine as GitHub does: bash with its options, the files for outputs, paths and the summary, and
// the steps' conditions. Checkout and setup-go are nothing, as the workspace is there; what is uploaded is kept by name.
type runner struct {
	t         *testing.T
	workspace string
	temp      string
	bin       string // before everything else on the PATH
	github    map[string]any
	env       map[string]string
	flows     map[string]workflow
	action    action
	shim      string            // takes the place of the installed heaptop, "" for none; HEAPTOP is the real one
	artifacts map[string]string // name -> folder with a copy
	log       bytes.Buffer
	ran       []string // names of the jobs that ran
	summary   string   // the file
}

// built is a heaptop that is built once; where go build of the action would make one, the tests copy it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "heaptop-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "heaptop")
	out, err := exec.Command("go", "build", "-o", path, root+"/cmd/heaptop").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if usesBuilt.Load() {
		if path, err := built(); err == nil {
			os.RemoveAll(filepath.Dir(path))
		}
	}
	os.Exit(code)
}

var usesBuilt atomic.Bool

// fakeGo stands for the compiler in "go build -o DIR/ ./cmd/heaptop", within heaptop's sources.
const fakeGo = `#!/usr/bin/env bash
set -euo pipefail
[[ $1 == build && $2 == -o && $4 == ./cmd/heaptop && -f cmd/heaptop/main.go ]] || { echo "go $*" >&2; exit 64; }
cp "$BUILT" "$3"
`

func newRunner(t *testing.T, event map[string]any, env map[string]string) *runner {
	t.Helper()
	if testing.Short() {
		t.Skip("runs a shell and measures")
	}
	r := &runner{t: t, workspace: t.TempDir(), temp: t.TempDir(), bin: t.TempDir(), artifacts: map[string]string{}, env: map[string]string{}}
	r.flows, r.action = rendered(t)
	r.summary = filepath.Join(r.temp, "summary.md")
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.temp, "event.json"), data)
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	r.github = map[string]any{"event": event, "repository": "o/r", "ref_name": "main", "run_id": "4711", "token": token, "action_path": filepath.Join(here, ".github/actions/heaptop")}
	for _, k := range []string{"HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "TMPDIR"} {
		if v, ok := os.LookupEnv(k); ok {
			r.env[k] = v
		}
	}
	maps.Copy(r.env, map[string]string{
		"CI": "true", "GITHUB_ACTIONS": "true", "PATH": r.bin + ":" + os.Getenv("PATH"), "RUNNER_TEMP": r.temp, "GITHUB_WORKSPACE": r.workspace,
		"GITHUB_REPOSITORY": "o/r", "GITHUB_EVENT_PATH": filepath.Join(r.temp, "event.json"), "GITHUB_STEP_SUMMARY": r.summary,
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "4711", "FAKE_GH": filepath.Join(r.temp, "gh"),
	})
	maps.Copy(r.env, env)
	write(t, filepath.Join(r.bin, "gh"), []byte(fakeGH))
	write(t, filepath.Join(r.bin, "go"), []byte(fakeGo))
	usesBuilt.Store(true)
	if r.env["BUILT"], err = built(); err != nil {
		t.Fatal(err)
	}
	return r
}

// fakeGH is the part of GitHub's command line that the workflows use.
const fakeGH = `#!/usr/bin/env bash
set -euo pipefail
[[ -n ${GH_TOKEN-} && -n ${GH_REPO-} ]] || { echo "gh: no token or no repository" >&2; exit 4; }
case "$1 $2" in
"run list") [[ ! -f $FAKE_GH/fails ]] || { echo "HTTP 500" >&2; exit 1; }; [[ ! -f $FAKE_GH/runs ]] || cat "$FAKE_GH/runs" ;;
"run download")
  run=$3; shift 3; dir=.; name='*'
  while (($#)); do case $1 in --dir) dir=$2 ;; --name) name=$2 ;; --pattern) name=$2 many=1 ;; *) exit 64 ;; esac; shift 2; done
  shopt -s nullglob
  found=("$FAKE_GH/$run"/$name)
  ((${#found[@]})) || { echo "no artifact matches" >&2; exit 1; }
  mkdir -p "$dir"
  if [[ -n ${many-} ]]; then cp -R "${found[@]}" "$dir/"; else cp -R "${found[0]}/." "$dir/"; fi ;;
"api --method")
  shift
  if [[ $2 == PATCH && ! -f $FAKE_GH/tags/${3##*/} ]]; then echo "HTTP 422: Reference does not exist" >&2; exit 1; fi
  mkdir -p "$FAKE_GH"; echo "$*" >>"$FAKE_GH/api" ;;
*) echo "gh: unknown command $*" >&2; exit 64 ;;
esac
`

// runStep runs one step of a job by its name.
func (r *runner) runStep(flow, id, name string) bool {
	r.t.Helper()
	steps := r.flows[flow].Jobs[id].Steps
	i := slices.IndexFunc(steps, func(s step) bool { return s.Name == name })
	if i < 0 {
		r.t.Fatalf("%s has no step %q", flow, name)
	}
	return r.run(steps[i], &expressions{t: r.t, contexts: map[string]any{"github": r.github, "inputs": map[string]any{}, "steps": map[string]any{}}})
}

// call runs a workflow: its jobs in the order of their needs. It returns whether all that ran succeeded.
func (r *runner) call(name string, inputs map[string]any) bool {
	r.t.Helper()
	flow, ok := r.flows[name]
	if !ok {
		r.t.Fatalf("there is no workflow %s", name)
	}
	all, needs := true, map[string]any{}
	done := map[string]bool{}
	for len(done) < len(flow.Jobs) {
		for _, id := range slices.Sorted(maps.Keys(flow.Jobs)) {
			j := flow.Jobs[id]
			if done[id] || j.Needs != "" && !done[j.Needs] {
				continue
			}
			done[id] = true
			e := &expressions{t: r.t, contexts: map[string]any{"github": r.github, "inputs": inputs, "needs": needs, "steps": map[string]any{}}}
			if n, ok := needs[j.Needs].(map[string]any); ok {
				e.failed = n["result"] != "success"
			}
			result, outputs := "skipped", map[string]any{}
			if e.holds(j.If) {
				r.ran = append(r.ran, id)
				result = "success"
				if !r.job(j, e, outputs) {
					result, all = "failure", false
				}
			}
			needs[id] = map[string]any{"result": result, "outputs": outputs}
		}
	}
	return all
}

func (r *runner) job(j job, e *expressions, outputs map[string]any) bool {
	if j.Uses != "" {
		with := map[string]any{}
		name := filepath.Base(j.Uses)
		if called, ok := r.flows[name].On["workflow_call"].(map[string]any); ok {
			for k, v := range called["inputs"].(map[string]any) {
				with[k] = v.(map[string]any)["default"]
			}
		}
		for k, v := range j.With {
			if _, known := with[k]; !known {
				r.t.Errorf("%s has no input %s", name, k)
			}
			with[k] = e.expand(show(v))
		}
		return r.call(name, with)
	}
	ok := r.steps(j.Steps, e)
	for k, v := range j.Outputs {
		outputs[k] = e.expand(v)
	}
	return ok
}

// steps runs the steps of a job or of the action.
func (r *runner) steps(list []step, e *expressions) bool {
	for _, s := range list {
		if !e.holds(s.If) {
			continue
		}
		switch name, _, _ := strings.Cut(s.Uses, "@"); name {
		case "":
			if !r.run(s, e) {
				e.failed = true
			}
		case "actions/checkout", "actions/setup-go":
		case "actions/upload-artifact":
			r.upload(e.expand(show(s.With["name"])), e.expand(show(s.With["path"])))
		case "./.github/actions/heaptop":
			if !r.act(s, e) {
				e.failed = true
			}
		default:
			r.t.Fatalf("the test does not know the action %s", name)
		}
	}
	return !e.failed
}

func (r *runner) act(s step, e *expressions) bool {
	inputs := map[string]any{}
	for k, in := range r.action.Inputs {
		inputs[k] = in.Default
	}
	for k, v := range s.With {
		if _, known := inputs[k]; !known {
			r.t.Errorf("the action has no input %s", k)
		}
		inputs[k] = e.expand(show(v))
	}
	in := &expressions{t: r.t, contexts: map[string]any{"github": r.github, "inputs": inputs, "steps": map[string]any{}}}
	ok := r.steps(r.action.Runs.Steps, in)
	outputs := map[string]any{}
	for k, v := range r.action.Outputs {
		outputs[k] = in.expand(v.Value)
	}
	if s.ID != "" {
		e.contexts["steps"].(map[string]any)[s.ID] = map[string]any{"outputs": outputs}
	}
	return ok
}

func (r *runner) run(s step, e *expressions) bool {
	if s.Shell != "bash" || !strings.HasPrefix(s.Run, "set -euo pipefail\n") {
		r.t.Errorf("step %s is not strict bash", s.Name)
	}
	if strings.Contains(s.Run, "${{") {
		r.t.Errorf("step %s has an expression within its script", s.Name)
	}
	script, out, path := filepath.Join(r.temp, "step.sh"), filepath.Join(r.temp, "output"), filepath.Join(r.temp, "path")
	write(r.t, script, []byte(s.Run))
	write(r.t, out, nil)
	write(r.t, path, nil)
	c := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	c.Dir, c.Stdout, c.Stderr = r.workspace, &r.log, &r.log
	env := maps.Clone(r.env)
	env["GITHUB_OUTPUT"], env["GITHUB_PATH"] = out, path
	for k, v := range s.Env {
		env[k] = e.expand(v)
	}
	if s.Name == "Install heaptop" {
		env["SOURCE"] = r.github["action_path"].(string) + "/../../.."
	}
	for k, v := range env {
		c.Env = append(c.Env, k+"="+v)
	}
	r.log.WriteString("--- " + s.Name + "\n")
	err := c.Run()
	outputs := map[string]any{}
	data, _ := os.ReadFile(out)
	for l := range strings.Lines(string(data)) {
		k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "=")
		outputs[k] = v
	}
	if s.ID != "" {
		e.contexts["steps"].(map[string]any)[s.ID] = map[string]any{"outputs": outputs}
	}
	added, _ := os.ReadFile(path)
	for l := range strings.Lines(string(added)) {
		r.installed(strings.TrimSpace(l))
		r.env["PATH"] = strings.TrimSpace(l) + ":" + r.env["PATH"]
	}
	return err == nil
}

// installed puts the shim in the place of heaptop.
func (r *runner) installed(dir string) {
	if r.shim == "" {
		return
	}
	real := filepath.Join(dir, "heaptop-real")
	if err := os.Rename(filepath.Join(dir, "heaptop"), real); err != nil {
		r.t.Fatal(err)
	}
	r.env["HEAPTOP"] = real
	write(r.t, filepath.Join(dir, "heaptop"), []byte(r.shim))
}

func (r *runner) upload(name, path string) {
	dir := r.t.TempDir()
	if out, err := exec.Command("cp", "-R", filepath.Join(r.workspace, path), dir).CombinedOutput(); err == nil {
		r.artifacts[name] = dir
	} else {
		r.log.Write(out)
	}
}

func (r *runner) git(args ...string) string {
	r.t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	c.Dir = r.workspace
	out, err := c.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
