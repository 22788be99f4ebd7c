package kubectl

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/fauxkube/fauxkube/cluster/api"
)

func runScale(e *execution) error {
	if e.options.replicas < 0 {
		return fmt.Errorf("kubectl %s: --replicas=COUNT is required", e.Line)
	}
	return e.each(nil, func(t target, _ []string) error {
		if _, err := e.get(t); err != nil {
			return err
		}
		data := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, e.options.replicas)
		if _, err := e.patch(t.resource, t.namespace, t.name, types.MergePatchType, data, "scale"); err != nil {
			return err
		}
		e.printf("%s scaled", t.title())
		return nil
	})
}

func runSetImage(e *execution) error {
	return e.each(isAssignment, func(t target, images []string) error {
		err := e.change(t, func(o api.Object) error {
			spec := podSpec(o)
			if spec == nil {
				return fmt.Errorf("%s has no pod template", t.title())
			}
			for _, assignment := range images {
				name, image, _ := strings.Cut(assignment, "=")
				if !setImage(spec, name, image) {
					return fmt.Errorf("unable to find container named %q", name)
				}
			}
			return nil
		})
		if err == nil {
			e.printf("%s image updated", t.title())
		}
		return err
	})
}

func isAssignment(arg string) bool { return strings.Contains(arg, "=") }

func setImage(spec *corev1.PodSpec, name, image string) (found bool) {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == name || name == "*" {
				containers[i].Image, found = image, true
			}
		}
	}
	return found
}

func runPatch(e *execution) error {
	patchTypes := map[string]types.PatchType{"strategic": types.StrategicMergePatchType, "merge": types.MergePatchType, "json": types.JSONPatchType}
	kind, ok := patchTypes[e.options.patchType]
	if !ok {
		return fmt.Errorf("kubectl %s: --type must be one of json, merge, strategic", e.Line)
	}
	data, err := yaml.YAMLToJSON([]byte(e.options.patch))
	if err != nil || e.options.patch == "" {
		return fmt.Errorf("kubectl %s: must specify -p with a patch in JSON or YAML", e.Line)
	}
	return e.each(nil, func(t target, _ []string) error {
		before, err := e.get(t)
		if err != nil {
			return err
		}
		after, err := e.patch(t.resource, t.namespace, t.name, kind, data, e.options.subresource)
		if err != nil {
			return err
		}
		if before.GetResourceVersion() == after.GetResourceVersion() {
			e.printf("%s patched (no change)", t.title())
		} else {
			e.printf("%s patched", t.title())
		}
		return nil
	})
}

func runLabel(e *execution) error    { return e.editMap("labels", "labeled") }
func runAnnotate(e *execution) error { return e.editMap("annotations", "annotated") }

// isEdit tells KEY=VALUE and KEY- from names.
func isEdit(arg string) bool { return strings.Contains(arg, "=") || strings.HasSuffix(arg, "-") }

// editMap sets and removes labels or annotations by a merge patch of the keys that change.
func (e *execution) editMap(field, done string) error {
	return e.each(isEdit, func(t target, edits []string) error {
		o, err := e.get(t)
		if err != nil {
			return err
		}
		current := o.GetLabels()
		if field == "annotations" {
			current = o.GetAnnotations()
		}
		change := map[string]any{}
		for _, edit := range edits {
			key, value, set := strings.Cut(edit, "=")
			if !set {
				change[strings.TrimSuffix(edit, "-")] = nil
				continue
			}
			if old, exists := current[key]; exists && old != value && !e.options.overwrite {
				return fmt.Errorf("'%s' already has a value (%s), and --overwrite is false", key, old)
			}
			change[key] = value
		}
		data := mustJSON(map[string]any{"metadata": map[string]any{field: change}})
		if _, err := e.patch(t.resource, t.namespace, t.name, types.MergePatchType, data, ""); err != nil {
			return err
		}
		if field == "labels" {
			done = edited(edits, "labeled", "unlabeled", "labeled")
		}
		e.printf("%s %s", t.title(), done)
		return nil
	})
}

// edited is the word for what edits have done: all set something, all removed something, or both.
func edited(edits []string, set, removed, both string) string {
	removals := 0
	for _, edit := range edits {
		if strings.HasSuffix(edit, "-") {
			removals++
		}
	}
	switch removals {
	case 0:
		return set
	case len(edits):
		return removed
	}
	return both
}

func runTaint(e *execution) error {
	isTaint := func(arg string) bool { return strings.ContainsAny(arg, ":=") || strings.HasSuffix(arg, "-") }
	return e.each(isTaint, func(t target, edits []string) error {
		err := e.change(t, func(o api.Object) error {
			node, ok := o.(*corev1.Node)
			if !ok {
				return fmt.Errorf("invalid resource type %s, only node is supported", t.resource.Name)
			}
			for _, edit := range edits {
				if err := editTaint(node, edit, e.options.overwrite); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			e.printf("%s %s", t.title(), edited(edits, "tainted", "untainted", "modified"))
		}
		return err
	})
}

// editTaint applies KEY=VALUE:EFFECT, KEY:EFFECT, KEY:EFFECT- or KEY-.
func editTaint(node *corev1.Node, edit string, overwrite bool) error {
	text, remove := strings.CutSuffix(edit, "-")
	pair, effect, _ := strings.Cut(text, ":")
	key, value, _ := strings.Cut(pair, "=")
	same := func(taint corev1.Taint) bool {
		return taint.Key == key && (effect == "" || string(taint.Effect) == effect)
	}
	i := slices.IndexFunc(node.Spec.Taints, same)
	if remove {
		if i < 0 {
			return fmt.Errorf("taint %q not found", text)
		}
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, same)
		if len(node.Spec.Taints) == 0 {
			node.Spec.Taints = nil
		}
		return nil
	}
	switch corev1.TaintEffect(effect) {
	case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
	default:
		return fmt.Errorf("invalid taint effect: %s, unsupported taint effect", effect)
	}
	taint := corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
	switch {
	case i < 0: // kubectl puts new taints first.
		node.Spec.Taints = append([]corev1.Taint{taint}, node.Spec.Taints...)
	case node.Spec.Taints[i].Value == value:
	case !overwrite:
		return fmt.Errorf("node %s already has %s taint(s) with same effect(s) and --overwrite is false", node.Name, key)
	default:
		node.Spec.Taints[i] = taint
	}
	return nil
}
