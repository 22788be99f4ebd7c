package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/kubelet/stages"
	"github.com/fauxkube/fauxkube/scenarios/expect"
	"github.com/fauxkube/fauxkube/scenarios/fault"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/kubectl"
	"github.com/fauxkube/fauxkube/workloads/objects"
)

// plan is a scenario in which everything that text says has been understood.
type plan struct {
	scenario     *Scenario
	cluster      cluster.Topology
	steps        []*plannedStep
	expectations []*expect.Program
	skipped      []string
	stageSets    map[string]*stages.Set
}

// plannedStep is a step with what it will do.
type plannedStep struct {
	*format.Step
	// previous is the step at whose end it begins, nil if it has a time of its own.
	previous *plannedStep

	commands []*kubectl.Command
	pool     *cluster.NodePool
	fault    *fault.Fault
	wait     *expect.Program
	workload *objects.Config
	// backup is what an etcd step that restores begins the new store with; nil where the run itself saves it before.
	backup *cluster.Backup
}

// Check finds everything that can be known to be wrong with a scenario before it runs. Errors are *format.Error, all
// that were found joined.
func Check(s *Scenario) error {
	_, err := compile(s)
	return err
}

func compile(s *Scenario) (*plan, error) {
	p := &plan{scenario: s, stageSets: map[string]*stages.Set{}}
	var problems []error
	var err error
	if p.cluster, err = p.topology(); err != nil {
		problems = append(problems, err)
	}
	byID := map[string]*plannedStep{}
	for i := range s.Spec.Steps {
		step, err := p.compileStep(i, byID)
		if err != nil {
			problems = append(problems, err)
		}
		p.steps = append(p.steps, step)
		byID[step.ID] = step
	}
	for i := range s.Spec.Expect {
		if err := p.compileExpectation(i, byID); err != nil {
			problems = append(problems, err)
		}
	}
	for i := range s.Spec.Measure {
		if err := checkMeasure(&s.Spec.Measure[i]); err != nil {
			problems = append(problems, p.problem(s.Spec.Measure[i].Line, fmt.Sprintf("spec.measure[%d]", i), err))
		}
	}
	return p, errors.Join(problems...)
}

// problem is an error with its place in the file.
func (p *plan) problem(line int, field string, err error) error {
	return &format.Error{File: p.scenario.File, Line: line, Field: field, What: err.Error(), Cause: err}
}

func (p *plan) compileStep(i int, byID map[string]*plannedStep) (*plannedStep, error) {
	step := &plannedStep{Step: &p.scenario.Spec.Steps[i]}
	switch {
	case step.After.Step != "":
		step.previous = byID[step.After.Step]
	case !step.HasAt && i > 0:
		step.previous = p.steps[i-1]
	}
	field := fmt.Sprintf("spec.steps[%d]", i)
	var err error
	switch {
	case len(step.Kubectl) > 0:
		return step, p.compileCommands(step, field)
	case step.Nodes != nil && step.Nodes.Add != nil:
		pool, err := p.nodePool(step.Nodes.Add)
		if err != nil {
			return step, p.problem(step.Line, field+".nodes.add", err)
		}
		step.pool = &pool
	case step.Chaos != nil:
		step.fault, err = fault.Parse(p.scenario.File, field+".chaos", step.Chaos)
		return step, err
	case step.Workload != nil:
		return step, p.compileWorkload(step, field)
	case step.Etcd != nil:
		return step, p.compileEtcd(step, i, field)
	case step.Wait != "":
		if step.wait, err = p.compileExpression(step.Wait, byID); err != nil {
			return step, p.problem(step.Line, field+".wait", err)
		}
	}
	return step, nil
}

func (p *plan) compileCommands(step *plannedStep, field string) error {
	stdin := []byte(step.Manifest)
	if step.Manifest == "" {
		stdin = nil
	}
	files := kubectl.Files{
		Read:  func(path string) ([]byte, error) { return read(p.scenario, path) },
		Stdin: stdin, SkipUnknownKinds: p.scenario.SkipUnknownKinds,
		Skipped: func(name string) { p.skipped = append(p.skipped, name) },
	}
	var problems []error
	used := false
	for _, line := range step.Kubectl {
		c, err := kubectl.Parse(line, files)
		if err != nil {
			problems = append(problems, p.commandProblem(step, field, err))
			continue
		}
		step.commands = append(step.commands, c)
		used = used || c.ReadsStdin()
	}
	if len(problems) == 0 && stdin != nil && !used {
		return p.problem(step.ManifestLine, field+".manifest", errors.New("no command reads it with -f -"))
	}
	return errors.Join(problems...)
}

// commandProblem is an error about a command; what is wrong in the step's own manifest is found in the scenario's file.
func (p *plan) commandProblem(step *plannedStep, field string, err error) error {
	var problems []error
	for _, leaf := range leaves(err) {
		var inline *format.Error
		if !errors.As(leaf, &inline) || inline.File != "-" {
			return p.problem(step.Line, field+".kubectl", err)
		}
		problems = append(problems, &format.Error{
			File: p.scenario.File, Line: step.ManifestLine + inline.Line, Field: field + ".manifest", What: inline.What, Cause: inline.Cause,
		})
	}
	return errors.Join(problems...)
}

// compileExpression compiles CEL whose since() refers to steps that exist.
func (p *plan) compileExpression(text string, byID map[string]*plannedStep) (*expect.Program, error) {
	program, err := expect.Compile(text)
	if err != nil {
		return nil, err
	}
	for _, id := range program.Steps {
		if byID[id] == nil {
			return nil, fmt.Errorf("since(%q): no step is called that", id)
		}
	}
	return program, nil
}

func (p *plan) compileExpectation(i int, byID map[string]*plannedStep) error {
	e := &p.scenario.Spec.Expect[i]
	kind := "eventually"
	switch {
	case e.Always != "":
		kind = "always"
	case e.Never != "":
		kind = "never"
	}
	program, err := p.compileExpression(e.Always+e.Never+e.Eventually, byID)
	p.expectations = append(p.expectations, program)
	if err != nil {
		return p.problem(e.Line, fmt.Sprintf("spec.expect[%d].%s", i, kind), err)
	}
	if servers := orDefault(p.scenario.Spec.Cluster.ControlPlane.APIServers, defaultAPIServers); !isView(e.View, servers) {
		return p.problem(e.Line, fmt.Sprintf("spec.expect[%d].view", i), fmt.Errorf("%q is not an API server of this cluster: want apiserver-0 to apiserver-%d", e.View, servers-1))
	}
	return nil
}

// defaultAPIServers is the cluster's default.
const defaultAPIServers = 2

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

func isView(name string, servers int) bool {
	if name == "" {
		return true
	}
	for i := range servers {
		if name == viewName(i) {
			return true
		}
	}
	return false
}

func viewName(i int) string { return fmt.Sprintf("apiserver-%d", i) }

// what says in a line what a step does.
func (s *plannedStep) what() string {
	switch {
	case len(s.Kubectl) > 0:
		lines := make([]string, 0, len(s.Kubectl))
		for _, line := range s.Kubectl {
			lines = append(lines, "kubectl "+strings.TrimPrefix(line, "kubectl "))
		}
		return strings.Join(lines, "; ")
	case s.pool != nil:
		return fmt.Sprintf("add %d nodes to %s", s.pool.Count, s.pool.Name)
	case s.Nodes != nil:
		p := s.Nodes.Patterns()[0]
		return fmt.Sprintf("%s nodes %s", p.Action, strings.Join(p.Globs, ", "))
	case s.fault != nil:
		return s.fault.String()
	case s.Workload != nil:
		return describeWorkload(s.workload)
	case s.Etcd != nil:
		return describeEtcd(s.Etcd)
	}
	return "wait for " + s.Wait
}

// disturbs reports whether the step changes anything.
func (s *plannedStep) disturbs() bool {
	if s.commands == nil {
		return s.wait == nil && (s.Etcd == nil || s.Etcd.Restore != "")
	}
	return slices.ContainsFunc(s.commands, func(c *kubectl.Command) bool { return !c.OnlyLooks() })
}
