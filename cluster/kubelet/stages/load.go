package stages

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// APIVersion and Kind of a stage document.
const (
	APIVersion = "kwok.x-k8s.io/v1alpha1"
	Kind       = "Stage"
)

// Set is the compiled stages of a file, by the kind they are for. It is immutable and can be shared.
type Set struct {
	Pods  Lifecycle
	Nodes Lifecycle
}

// Load reads and compiles a file of Stage documents. Unknown fields, other kinds, stages for kinds other than Pod and
// Node, broken queries and templates are errors that name the stage.
func Load(data []byte) (*Set, error) {
	documents, err := api.Documents(data)
	if err != nil {
		return nil, err
	}
	set := &Set{}
	for i, document := range documents {
		var s Stage
		if err := yaml.UnmarshalStrict(document, &s); err != nil {
			return nil, fmt.Errorf("stage document %d: %w", i+1, err)
		}
		if s.APIVersion != APIVersion || s.Kind != Kind {
			return nil, fmt.Errorf("stage document %d: want %s %s, have %s %s", i+1, APIVersion, Kind, s.APIVersion, s.Kind)
		}
		if err := set.add(&s); err != nil {
			return nil, fmt.Errorf("stage %s: %w", s.Name, err)
		}
	}
	return set, nil
}

func (set *Set) add(s *Stage) error {
	if s.Spec.Selector == nil {
		return nil // as in KWOK: a null selector matches nothing
	}
	c, err := compile(s)
	if err != nil {
		return err
	}
	switch ref := s.Spec.ResourceRef; {
	case ref.APIGroup != "v1" && ref.APIGroup != "":
		return fmt.Errorf("stages for %s %s are not supported, only for v1 Pod and Node", ref.APIGroup, ref.Kind)
	case ref.Kind == "Pod":
		set.Pods = append(set.Pods, c)
	case ref.Kind == "Node":
		set.Nodes = append(set.Nodes, c)
	default:
		return fmt.Errorf("stages for %s are not supported, only for v1 Pod and Node", ref.Kind)
	}
	return nil
}

func compile(s *Stage) (*Compiled, error) {
	c := &Compiled{Name: s.Name, ImmediateNextStage: s.Spec.ImmediateNextStage, weight: s.Spec.Weight}
	sel := s.Spec.Selector
	if sel.MatchLabels != nil {
		c.labels = labels.SelectorFromSet(sel.MatchLabels)
	}
	if sel.MatchAnnotations != nil {
		c.annotations = labels.SelectorFromSet(sel.MatchAnnotations)
	}
	for _, e := range sel.MatchExpressions {
		r, err := newRequirement(&e)
		if err != nil {
			return nil, err
		}
		c.requirements = append(c.requirements, r)
	}
	var err error
	if c.weightFrom, err = newExpression(s.Spec.WeightFrom); err != nil {
		return nil, err
	}
	if err := c.compileDelay(s.Spec.Delay); err != nil {
		return nil, err
	}
	c.Steps, err = compileSteps(&s.Spec)
	return c, err
}

func (c *Compiled) compileDelay(d *Delay) error {
	if d == nil {
		return nil
	}
	var err error
	c.delayed = true
	if d.DurationMilliseconds != nil {
		c.delay.fixed = milliseconds(*d.DurationMilliseconds)
	}
	c.delay.set = true // KWOK: an absent duration counts as 0
	if c.delay.from, err = newExpression(d.DurationFrom); err != nil {
		return err
	}
	if d.JitterDurationMilliseconds != nil {
		c.jitter.fixed, c.jitter.set = milliseconds(*d.JitterDurationMilliseconds), true
	}
	c.jitter.from, err = newExpression(d.JitterDurationFrom)
	return err
}

// compileSteps brings both forms of what a stage does into one: the older is an event, finalizers, a deletion, and if
// nothing was deleted the patches.
func compileSteps(spec *Spec) ([]CompiledStep, error) {
	steps := spec.Steps
	if n := spec.Next; n != nil {
		if n.Event != nil || n.Finalizers != nil || n.Delete {
			steps = append(steps, Step{Event: n.Event, Finalizers: n.Finalizers, Delete: n.Delete})
		}
		for i := range n.Patches {
			steps = append(steps, Step{Patch: &n.Patches[i]})
		}
		if n.StatusTemplate != "" {
			p := &Patch{Root: "status", Subresource: "status", Template: n.StatusTemplate, Impersonation: n.StatusPatchAs}
			if n.StatusSubresource != nil {
				p.Subresource = *n.StatusSubresource
			}
			steps = append(steps, Step{Patch: p})
		}
	}
	out := make([]CompiledStep, len(steps))
	for i, s := range steps {
		if s.Apply != nil {
			return nil, fmt.Errorf("step %d: apply is not supported", i+1)
		}
		out[i] = CompiledStep{Event: s.Event, Finalizers: s.Finalizers, Delete: s.Delete}
		if s.Patch == nil {
			continue
		}
		p, err := compilePatch(s.Patch)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, err)
		}
		out[i].Patch = p
	}
	return out, nil
}

func compilePatch(p *Patch) (*CompiledPatch, error) {
	c := &CompiledPatch{Subresource: p.Subresource, root: p.Root}
	switch p.Type {
	case "json":
		c.Type = types.JSONPatchType
	case "merge":
		c.Type = types.MergePatchType
	case "strategic", "": // KWOK's default for pods and nodes
		c.Type = types.StrategicMergePatchType
	default:
		return nil, fmt.Errorf("unknown patch type %s", p.Type)
	}
	if p.Impersonation != nil {
		c.User = p.Impersonation.Username
	}
	var err error
	c.template, err = parseTemplate(p.Template)
	if c.Type == types.StrategicMergePatchType && p.Root == "status" && p.Subresource == "status" {
		c.typed = typedTemplates[fingerprint(p.Template)]
	}
	return c, err
}
