package scenarios

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/scenarios/format"
	"github.com/fauxkube/fauxkube/scenarios/kubectl"
)

// ManifestOptions say on what manifests are tried.
type ManifestOptions struct {
	// Nodes is how many nodes the cluster has; 3 where it is 0.
	Nodes int
	// SkipUnknownKinds leaves out objects whose kind is not served.
	SkipUnknownKinds bool
	// Within is how long it may take until everything is ready; 10 minutes where it is 0, a Deployment's own default for
	// progressDeadlineSeconds.
	Within time.Duration
	// Read reads a file; nil reads it from disk.
	Read func(path string) ([]byte, error)
}

// readyStable is how long what has become ready must stay so: a container that crashes soon after its start is ready
// for a moment after each back-off.
const readyStable = 30 * time.Second

// FromManifests makes a scenario of Kubernetes manifests: they are applied to a cluster of three control-plane hosts
// (two API servers, three members of the store), and everything in them must become ready. Each workload, and each
// Service that selects one, is an expectation of its own.
func FromManifests(files []string, o ManifestOptions) (*Scenario, error) {
	s := &Scenario{APIVersion: format.APIVersion, Kind: format.Kind, SkipUnknownKinds: o.SkipUnknownKinds, Read: o.Read}
	s.Metadata.Name = nameOf(files)
	var objects []kubectl.Manifest
	var problems []error
	apply := "apply"
	for _, file := range files {
		found, data, err := readObjects(s, file)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		objects = append(objects, found...)
		s.Source = append(s.Source, data...)
		apply += " -f " + quote(file)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if len(objects) == 0 {
		return nil, &format.Error{File: strings.Join(files, ", "), What: "there is no object in it that is served"}
	}
	pool := defaultPool
	pool.Count = orDefault(o.Nodes, defaultPool.Count)
	s.Spec.Cluster.NodePools = []format.NodePool{pool}
	s.Source = fmt.Appendf(s.Source, "\n# %d nodes", pool.Count)
	s.Spec.Steps = []format.Step{{Name: "apply", ID: "apply", Kubectl: format.Commands{apply}}}
	within := o.Within
	if within == 0 {
		within = 10 * time.Minute
	}
	s.Spec.Timeout = format.Duration(within + quietPeriod + settleLimit)
	s.Spec.Expect = readiness(objects, within)
	return s, nil
}

// nameOf makes a scenario's name of its first file's.
func nameOf(files []string) string {
	if len(files) == 0 {
		return "manifests"
	}
	base := filepath.Base(files[0])
	name := strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "-"), "-")
	if name == "" {
		return "manifests"
	}
	return name[:min(len(name), 63)]
}

// quote keeps a path together in a line of arguments, also where it holds a comma, which separates files in kubectl.
func quote(path string) string {
	if strings.Contains(path, ",") {
		path = `"` + path + `"`
	}
	switch {
	case !strings.ContainsAny(path, " \t'\""):
		return path
	case strings.Contains(path, "'"):
		return `"` + path + `"`
	}
	return "'" + path + "'"
}

// readObjects reads one file; the errors name it.
func readObjects(s *Scenario, file string) ([]kubectl.Manifest, []byte, error) {
	data, err := read(s, file)
	if err != nil {
		return nil, nil, err
	}
	files := kubectl.Files{SkipUnknownKinds: s.SkipUnknownKinds, Skipped: func(string) {}}
	objects, err := kubectl.ParseManifests(file, data, "default", false, files)
	return objects, data, err
}

// readiness is one expectation for each object that becomes ready.
func readiness(objects []kubectl.Manifest, within time.Duration) []format.Expectation {
	var all []format.Expectation
	add := func(name, expression string) {
		all = append(all, format.Expectation{
			Name: name, ID: name, Eventually: expression, After: format.After{Step: "apply"},
			Within: format.Duration(within), Stable: format.Duration(readyStable),
		})
	}
	var present []string
	for _, m := range objects {
		key := api.KeyOf(m.Object())
		object := fmt.Sprintf("get('%s', '%s')", m.Resource().Kind, key)
		name := m.Resource().Kind + " " + key
		switch o := m.Object().(type) {
		case *appsv1.Deployment:
			add(name+" is available", allOf(object,
				"%[1]s.status.observedGeneration >= %[1]s.metadata.generation", "%[1]s.status.updatedReplicas == %[1]s.spec.replicas",
				"%[1]s.status.availableReplicas == %[1]s.spec.replicas"))
		case *appsv1.ReplicaSet:
			add(name+" is available", allOf(object, "%[1]s.status.availableReplicas == %[1]s.spec.replicas"))
		case *appsv1.StatefulSet:
			add(name+" is ready", allOf(object, "%[1]s.status.readyReplicas == %[1]s.spec.replicas"))
		case *appsv1.DaemonSet:
			add(name+" is available", allOf(object,
				"%[1]s.status.observedGeneration >= %[1]s.metadata.generation", "%[1]s.status.numberAvailable == %[1]s.status.desiredNumberScheduled"))
		case *batchv1.Job:
			add(name+" completes", object+".status.conditions.exists(c, c.type == 'Complete' && c.status == 'True')")
		case *corev1.Pod:
			add(name+" is ready", allOf(object, "(%[1]s.status.phase == 'Succeeded' || %[1]s.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True'))"))
		case *corev1.Service:
			present = append(present, fmt.Sprintf("exists('Service', '%s')", key))
			if selectsAny(o, objects) {
				add(name+" has a ready endpoint", fmt.Sprintf(
					"list('EndpointSlice', '%s', 'kubernetes.io/service-name=%s').exists(s, s.endpoints.exists(e, e.conditions.ready))", o.Namespace, o.Name))
			}
		default:
			present = append(present, fmt.Sprintf("exists('%s', '%s')", m.Resource().Kind, key))
		}
	}
	if len(present) > 0 {
		add("everything else exists", strings.Join(present, " && "))
	}
	return all
}

func allOf(object string, conditions ...string) string {
	return fmt.Sprintf(strings.Join(conditions, " && "), object)
}

// selectsAny reports whether a Service selects pods of a workload among the objects.
func selectsAny(s *corev1.Service, objects []kubectl.Manifest) bool {
	if len(s.Spec.Selector) == 0 {
		return false
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for _, m := range objects {
		if m.Object().GetNamespace() == s.Namespace && selector.Matches(labels.Set(podLabels(m.Object()))) {
			return true
		}
	}
	return false
}

// podLabels are the labels of an object's pods.
func podLabels(o api.Object) map[string]string {
	switch o := o.(type) {
	case *corev1.Pod:
		return o.Labels
	case *appsv1.Deployment:
		return o.Spec.Template.Labels
	case *appsv1.ReplicaSet:
		return o.Spec.Template.Labels
	case *appsv1.StatefulSet:
		return o.Spec.Template.Labels
	case *appsv1.DaemonSet:
		return o.Spec.Template.Labels
	}
	return nil
}
