package manager_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// world is a whole cluster with three nodes, n-0 to n-2, one to a zone, and what its operator does.
type world struct {
	*testing.T
	s *sim.Simulation
	c *cluster.Cluster
}

// boot returns a cluster that has been up for a minute.
func boot(t *testing.T, plane cluster.ControlPlane) *world {
	t.Helper()
	s := sim.New(sim.Config{Seed: 1})
	t.Cleanup(s.Close)
	plane.Headless = true
	c, err := cluster.New(s, cluster.Topology{
		ControlPlane: plane, DetectMutations: true,
		NodePools: []cluster.NodePool{{Name: "n", Count: 3, Zones: []string{"a", "b", "c"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, s: s, c: c}
	t.Cleanup(func() {
		if !t.Failed() {
			c.CheckMutations()
		}
	})
	w.run(time.Minute)
	return w
}

// one is the smallest control plane.
var one = cluster.ControlPlane{APIServers: 1, EtcdMembers: 1}

func (w *world) run(d time.Duration) {
	w.Helper()
	if err := w.s.Run(w.s.Now().Add(d)); err != nil {
		w.Fatal(err)
	}
}

// within runs until done holds, looking ten times a second, and fails after limit. It returns how long it took.
func (w *world) within(limit time.Duration, what string, done func() bool) time.Duration {
	w.Helper()
	start := w.s.Now()
	for !done() {
		if w.s.Now().Sub(start) >= limit {
			w.Fatalf("not within %v: %s\n%s", limit, what, w.events())
		}
		w.run(100 * time.Millisecond)
	}
	return w.s.Now().Sub(start)
}

// operate runs a request of the operator's and waits for it. It is sent again if the control plane failed under it.
func (w *world) operate(fn func(t *sim.Task, kubectl *client.Client) error) {
	w.Helper()
	var err error
	task := w.c.Kubectl().Process().Go("operator", func(t *sim.Task) {
		for err = fn(t, w.c.Kubectl()); isOutage(err); err = fn(t, w.c.Kubectl()) {
			t.Sleep(time.Second)
		}
	})
	w.within(time.Minute, "the operator's request", task.Ended)
	if err != nil {
		w.Fatal(err)
	}
}

// isOutage reports whether a request failed for reasons that are not its own.
func isOutage(err error) bool {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return status.Status().Code >= http.StatusInternalServerError
	}
	return err != nil
}

func (w *world) create(o api.Object) {
	w.Helper()
	w.operate(func(t *sim.Task, kubectl *client.Client) error {
		_, err := client.Create(t, kubectl, api.ResourceOf(o), o)
		return err
	})
}

func (w *world) delete(r *api.Resource, namespace, name string, policy metav1.DeletionPropagation) {
	w.Helper()
	w.operate(func(t *sim.Task, kubectl *client.Client) error {
		return client.Delete(t, kubectl, r, namespace, name, &metav1.DeleteOptions{PropagationPolicy: &policy})
	})
}

// patch changes a stored object of type T.
func patch[T api.Object](w *world, r *api.Resource, namespace, name string, change func(T)) {
	w.Helper()
	w.operate(func(t *sim.Task, kubectl *client.Client) error {
		_, err := client.Patch[T](t, kubectl, r, namespace, name, &api.PatchBody{
			Type: types.MergePatchType, SizeBytes: 100, Apply: func(old api.Object) (api.Object, error) {
				next := old.DeepCopyObject().(T)
				change(next)
				return next, nil
			},
		}, "")
		return err
	})
}

// get returns what is committed; the zero T if there is nothing.
func get[T api.Object](w *world, r *api.Resource, key string) (found T) {
	if o, ok := w.c.Store().Get(r, key); ok {
		found = o.(T)
	}
	return found
}

func list[T api.Object](w *world, r *api.Resource, namespace string) []T {
	return api.Items[T](w.c.Store().List(r, namespace, nil))
}

// events lists the Events there are, oldest first, as "component reason object: message".
func (w *world) events() string {
	var lines []string
	for _, e := range list[*corev1.Event](w, api.Events, "") {
		lines = append(lines, fmt.Sprintf("%s %s %s %s/%s: %s", e.LastTimestamp.Format(time.TimeOnly), e.Source.Component, e.Reason,
			e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// sees reports whether some Event of a component says so.
func (w *world) sees(component, reason, message string) bool {
	return slices.ContainsFunc(list[*corev1.Event](w, api.Events, ""), func(e *corev1.Event) bool {
		return e.Source.Component == component && e.Reason == reason && strings.Contains(e.Message, message)
	})
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "c", Image: "nginx:1.25", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}},
				}}},
			},
		},
	}
}

// available waits until a Deployment of the default namespace has all its pods, and nothing else.
func (w *world) available(name string) {
	w.Helper()
	w.within(5*time.Minute, "Deployment "+name+" is available", func() bool {
		d := get[*appsv1.Deployment](w, api.Deployments, "default/"+name)
		s := d.Status
		return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == *d.Spec.Replicas &&
			s.Replicas == *d.Spec.Replicas && s.AvailableReplicas == *d.Spec.Replicas
	})
}

// names of pods, sorted.
func (w *world) pods(namespace string) []string {
	var out []string
	for _, p := range list[*corev1.Pod](w, api.Pods, namespace) {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return out
}
