package kubectl

import (
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

func (e *execution) nodes() ([]target, error) {
	if len(e.args) == 0 {
		return e.selected(api.Nodes)
	}
	var nodes []target
	for _, name := range e.args {
		nodes = append(nodes, target{resource: api.Nodes, name: strings.TrimPrefix(name, "node/")})
	}
	return nodes, nil
}

func runCordon(e *execution, unschedulable bool) error {
	nodes, err := e.nodes()
	if err != nil {
		return err
	}
	for _, t := range nodes {
		if err := e.cordon(t, unschedulable); err != nil {
			return err
		}
	}
	return nil
}

func (e *execution) cordon(t target, unschedulable bool) error {
	word := map[bool]string{true: "cordoned", false: "uncordoned"}[unschedulable]
	return e.change(t, func(o api.Object) error {
		node := o.(*corev1.Node)
		if node.Spec.Unschedulable == unschedulable {
			e.printf("%s already %s", t.title(), word)
			return nil
		}
		node.Spec.Unschedulable = unschedulable
		e.printf("%s %s", t.title(), word)
		return nil
	})
}

func runEvict(e *execution) error {
	for _, name := range e.args {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "pods/"), "pod/")
		if err := e.evict(e.options.namespace, name); err != nil {
			return err
		}
		e.printf("pod/%s evicted", name)
	}
	return nil
}

// evict asks for one eviction.
func (e *execution) evict(namespace, name string) error {
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if e.options.gracePeriod >= 0 {
		eviction.DeleteOptions = &metav1.DeleteOptions{GracePeriodSeconds: &e.options.gracePeriod}
	}
	_, err := e.client.Do(e.task, &api.Request{
		Verb: api.VerbCreate, Resource: api.Pods, Subresource: "eviction", Namespace: namespace, Name: name, Object: eviction,
	})
	return err
}

// Waits of kubectl drain: between tries of an eviction that a budget refuses, and between looks at what is left.
const (
	evictionRetry = 5 * time.Second
	drainPoll     = time.Second
)

func runDrain(e *execution) error {
	nodes, err := e.nodes()
	if err != nil {
		return err
	}
	for _, t := range nodes {
		if err := e.cordon(t, true); err != nil {
			return err
		}
		if err := e.drain(t.name); err != nil {
			return err
		}
		e.printf("%s drained", t.title())
	}
	return nil
}

// leaving is a pod on its way off a node.
type leaving struct {
	pod      *corev1.Pod
	evicted  bool
	retryIn  time.Duration
	finished bool
}

// drain evicts all pods that may go, and waits until they are gone.
func (e *execution) drain(node string) error {
	pods, err := e.podsToEvict(node)
	if err != nil {
		return err
	}
	for waited := time.Duration(0); ; waited += drainPoll {
		left := 0
		for _, l := range pods {
			if err := e.advance(l); err != nil {
				return err
			}
			if !l.finished {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if e.options.timeout > 0 && waited >= e.options.timeout {
			return fmt.Errorf("drain did not complete within %v: %d pods are left", e.options.timeout, left)
		}
		e.task.Sleep(drainPoll)
	}
}

// advance takes one pod a step further: evict, try again later, see whether it is gone.
func (e *execution) advance(l *leaving) error {
	if l.finished {
		return nil
	}
	if !l.evicted {
		if l.retryIn > 0 {
			l.retryIn -= drainPoll
			return nil
		}
		return e.sendOff(l)
	}
	pod, err := client.Get[*corev1.Pod](e.task, e.client, api.Pods, l.pod.Namespace, l.pod.Name)
	if apierrors.IsNotFound(err) || err == nil && pod.UID != l.pod.UID {
		e.printf("pod/%s evicted", l.pod.Name)
		l.finished = true
		return nil
	}
	return err
}

func (e *execution) sendOff(l *leaving) error {
	var err error
	if e.options.disableEviction {
		err = client.Delete(e.task, e.client, api.Pods, l.pod.Namespace, l.pod.Name, nil)
	} else {
		e.printf("evicting pod %s/%s", l.pod.Namespace, l.pod.Name)
		err = e.evict(l.pod.Namespace, l.pod.Name)
	}
	switch {
	case err == nil:
		l.evicted = true
	case apierrors.IsNotFound(err):
		l.finished = true
	case apierrors.IsTooManyRequests(err):
		e.printf("error when evicting pods/%q -n %q (will retry after 5s): %v", l.pod.Name, l.pod.Namespace, err)
		l.retryIn = evictionRetry
	default:
		return err
	}
	return nil
}

// podsToEvict lists a node's pods that drain evicts; pods that keep it from draining are an error.
func (e *execution) podsToEvict(node string) ([]*leaving, error) {
	response, err := e.client.Do(e.task, &api.Request{Verb: api.VerbList, Resource: api.Pods, FieldSelector: api.ByField("spec.nodeName", node)})
	if err != nil {
		return nil, err
	}
	var pods []*leaving
	var problems []error
	for _, o := range response.List.Items {
		pod := o.(*corev1.Pod)
		evict, problem := e.evictable(pod)
		if problem != "" {
			problems = append(problems, fmt.Errorf("cannot delete %s: %s/%s", problem, pod.Namespace, pod.Name))
		} else if evict {
			pods = append(pods, &leaving{pod: pod})
		}
	}
	return pods, errors.Join(problems...)
}

// evictable decides about one pod: evict it, leave it, or refuse to drain.
func (e *execution) evictable(pod *corev1.Pod) (evict bool, problem string) {
	owner := api.ControllerOf(&pod.ObjectMeta)
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	switch {
	case pod.Annotations[corev1.MirrorPodAnnotationKey] != "":
		return false, ""
	case owner != nil && owner.Kind == "DaemonSet" && !finished:
		if e.options.ignoreDaemonSet {
			return false, ""
		}
		return false, "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
	case !finished && hasEmptyDir(pod) && !e.options.deleteEmptyDir:
		return false, "Pods with local storage (use --delete-emptydir-data to override)"
	case owner == nil && !finished && !e.options.force:
		return false, "Pods that declare no controller (use --force to override)"
	}
	return true, ""
}

func hasEmptyDir(pod *corev1.Pod) bool {
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil {
			return true
		}
	}
	return false
}
