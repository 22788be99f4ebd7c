package stages

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// getter yields the strings that a query of a known shape finds in a pod or node: what gojq would find in its JSON, a
// hundred times faster. A field that its JSON leaves out yields nothing.
type getter func(obj api.Object, yield func(string))

var (
	plainPath   = regexp.MustCompile(`^(?:\.[A-Za-z_][A-Za-z0-9_]*)+$`)
	quotedKey   = regexp.MustCompile(`^\.metadata\.(labels|annotations)\[\s*"([^"\\]*)"\s*\]$`)
	byCondition = regexp.MustCompile(`^\.status\.conditions\.?\[\]\s*\|\s*select\(\s*\.type\s*==\s*"([^"\\]*)"\s*\)\s*\|\s*\.(status|reason|message)$`)
	ownerField  = regexp.MustCompile(`^\.metadata\.ownerReferences\.?\[\]\.(kind|name)$`)
)

// directGetter returns a getter for the query, or nil if its shape is not known.
func directGetter(text string) getter {
	text = strings.TrimSpace(text)
	if m := quotedKey.FindStringSubmatch(text); m != nil {
		return metadataKey(m[1], m[2])
	}
	if m := byCondition.FindStringSubmatch(text); m != nil {
		return conditionField(m[1], m[2])
	}
	if m := ownerField.FindStringSubmatch(text); m != nil {
		return ownerReference(m[1])
	}
	if plainPath.MatchString(text) {
		return plain(strings.Split(text[1:], "."))
	}
	return nil
}

func plain(path []string) getter {
	if len(path) == 3 && path[0] == "metadata" && (path[1] == "labels" || path[1] == "annotations") {
		return metadataKey(path[1], path[2])
	}
	return plainGetters[strings.Join(path, ".")]
}

var plainGetters = map[string]getter{
	"metadata.deletionTimestamp": func(obj api.Object, yield func(string)) {
		if t := obj.GetDeletionTimestamp(); t != nil {
			yieldTime(t, yield)
		}
	},
	"metadata.name":      func(obj api.Object, yield func(string)) { nonEmpty(obj.GetName(), yield) },
	"metadata.namespace": func(obj api.Object, yield func(string)) { nonEmpty(obj.GetNamespace(), yield) },
	"spec.nodeName": func(obj api.Object, yield func(string)) {
		if pod, ok := obj.(*corev1.Pod); ok {
			nonEmpty(pod.Spec.NodeName, yield)
		}
	},
	"status.phase": func(obj api.Object, yield func(string)) {
		switch o := obj.(type) {
		case *corev1.Pod:
			nonEmpty(string(o.Status.Phase), yield)
		case *corev1.Node:
			nonEmpty(string(o.Status.Phase), yield)
		}
	},
	"status.podIP": func(obj api.Object, yield func(string)) {
		if pod, ok := obj.(*corev1.Pod); ok {
			nonEmpty(pod.Status.PodIP, yield)
		}
	},
}

func nonEmpty(v string, yield func(string)) {
	if v != "" {
		yield(v)
	}
}

// yieldTime yields a time as its JSON shows it.
func yieldTime(t *metav1.Time, yield func(string)) {
	if !t.IsZero() {
		yield(t.UTC().Format("2006-01-02T15:04:05Z07:00"))
	}
}

func metadataKey(field, key string) getter {
	return func(obj api.Object, yield func(string)) {
		m := obj.GetLabels()
		if field == "annotations" {
			m = obj.GetAnnotations()
		}
		if v, has := m[key]; has {
			yield(v)
		}
	}
}

func ownerReference(field string) getter {
	return func(obj api.Object, yield func(string)) {
		for _, o := range api.Meta(obj).OwnerReferences {
			if field == "kind" {
				yield(o.Kind)
			} else {
				yield(o.Name)
			}
		}
	}
}

func conditionField(conditionType, field string) getter {
	pick := func(status, reason, message string, yield func(string)) {
		switch field {
		case "status":
			yield(status)
		case "reason":
			nonEmpty(reason, yield)
		default:
			nonEmpty(message, yield)
		}
	}
	return func(obj api.Object, yield func(string)) {
		switch o := obj.(type) {
		case *corev1.Pod:
			for i := range o.Status.Conditions {
				if c := &o.Status.Conditions[i]; string(c.Type) == conditionType {
					pick(string(c.Status), c.Reason, c.Message, yield)
				}
			}
		case *corev1.Node:
			for i := range o.Status.Conditions {
				if c := &o.Status.Conditions[i]; string(c.Type) == conditionType {
					pick(string(c.Status), c.Reason, c.Message, yield)
				}
			}
		}
	}
}
