package observe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/controller/manager"
	"github.com/fauxkube/fauxkube/reports"
)

// Diagnose lists what is not as desired, each with the reason that Kubernetes gives: the scheduler's message for a pod
// without a node, the kubelet's for a container that waits, the last warning otherwise. Equal reasons of pods of one
// workload are one finding. System namespaces are left out: they are the cluster's, not the user's.
func (t *Settling) Diagnose() []reports.Finding {
	d := &diagnosis{settling: t, store: t.cluster.Store(), warnings: map[string]*corev1.Event{}, grouped: map[string]*group{}}
	for _, o := range d.store.List(api.Events, "", nil) {
		d.noteWarning(o.(*corev1.Event))
	}
	for _, o := range d.store.List(api.Nodes, "", nil) {
		if !t.Desired(o) {
			d.add("node "+o.GetName(), nodeReason(o.(*corev1.Node), t.up(o.GetName())))
		}
	}
	for _, r := range []*api.Resource{api.Deployments, api.ReplicaSets, api.StatefulSets, api.DaemonSets, api.Jobs} {
		for _, o := range d.store.List(r, "", nil) {
			d.workload(r, o)
		}
	}
	for _, o := range d.store.List(api.Pods, "", nil) {
		if pod := o.(*corev1.Pod); !isSystem(pod.Namespace) && !t.Desired(pod) {
			d.pod(pod)
		}
	}
	return d.findings()
}

func isSystem(namespace string) bool {
	return namespace == "kube-system" || namespace == "kube-public" || namespace == "kube-node-lease"
}

type diagnosis struct {
	settling *Settling
	store    *cluster.Store
	// warnings holds the latest warning by object: kind, namespace and name.
	warnings map[string]*corev1.Event
	order    []string
	grouped  map[string]*group
}

// group is one reason that several objects share.
type group struct {
	first  string
	reason string
	more   int
}

func (d *diagnosis) add(object, reason string) { d.addGrouped(object, reason, object) }

// addGrouped adds a finding, or counts it with an earlier one of the same family and reason.
func (d *diagnosis) addGrouped(object, reason, family string) {
	key := family + "\x00" + reason
	if g := d.grouped[key]; g != nil {
		g.more++
		return
	}
	d.grouped[key] = &group{first: object, reason: reason}
	d.order = append(d.order, key)
}

func (d *diagnosis) findings() []reports.Finding {
	var all []reports.Finding
	for _, key := range d.order {
		g := d.grouped[key]
		object := g.first
		if g.more > 0 {
			object += fmt.Sprintf(" and %d more", g.more)
		}
		all = append(all, reports.Finding{Object: object, Message: g.reason})
	}
	return all
}

func warningKey(kind, namespace, name string) string { return kind + " " + api.Key(namespace, name) }

func (d *diagnosis) noteWarning(e *corev1.Event) {
	if e.Type != corev1.EventTypeWarning {
		return
	}
	key := warningKey(e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name)
	if last := d.warnings[key]; last == nil || !eventTime(e).Before(eventTime(last)) {
		d.warnings[key] = e
	}
}

// lastWarning is the latest warning about an object: reason and message.
func (d *diagnosis) lastWarning(kind string, o api.Object) string {
	if e := d.warnings[warningKey(kind, o.GetNamespace(), o.GetName())]; e != nil {
		return e.Reason + ": " + e.Message
	}
	return ""
}

// controllers of kinds that the manager of this version may not have.
var controllers = map[*api.Resource]string{
	api.StatefulSets: "statefulset-controller", api.DaemonSets: "daemonset-controller", api.Jobs: "job-controller",
}

// runs reports whether anything acts on a kind.
func runs(r *api.Resource) bool {
	name, conditional := controllers[r]
	if !conditional {
		return true
	}
	for _, e := range manager.Table(netip.Prefix{}) {
		if e.Name == name {
			return true
		}
	}
	return false
}

func (d *diagnosis) workload(r *api.Resource, o api.Object) {
	name := strings.ToLower(r.Kind) + " " + api.KeyOf(o)
	switch {
	case isSystem(o.GetNamespace()):
	case !runs(r):
		d.add(name, "nothing acts on it: this version runs no controller for "+r.Kind+"s")
	case r == api.Jobs && !jobDone(o.(*batchv1.Job)):
		d.add(name, "has not completed"+d.because(r, o))
	case d.settling.Desired(o):
	case r == api.ReplicaSets && api.ControllerOf(api.Meta(o)) != nil:
		// Its Deployment is reported; what the ReplicaSet knows of why is worth having.
		if reason := replicaFailure(o.(*appsv1.ReplicaSet)); reason != "" {
			d.add(name, reason)
		}
	default:
		d.add(name, replicasText(o)+d.because(r, o))
	}
}

func (d *diagnosis) because(r *api.Resource, o api.Object) string {
	if warning := d.lastWarning(r.Kind, o); warning != "" {
		return "; " + warning
	}
	return ""
}

func jobDone(j *batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Type == batchv1.JobComplete && c.Status == corev1.ConditionTrue
	})
}

func replicaFailure(rs *appsv1.ReplicaSet) string {
	for _, c := range rs.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

// replicasText says how far a workload is.
func replicasText(o api.Object) string {
	switch o := o.(type) {
	case *appsv1.Deployment:
		want, s := api.Deref(o.Spec.Replicas, 1), o.Status
		text := fmt.Sprintf("%d of %d replicas are available", s.AvailableReplicas, want)
		if s.UpdatedReplicas != want {
			text += fmt.Sprintf(", %d are updated", s.UpdatedReplicas)
		}
		for _, c := range s.Conditions {
			if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
				text += "; " + c.Reason + ": " + c.Message
			}
		}
		return text
	case *appsv1.ReplicaSet:
		text := fmt.Sprintf("%d of %d replicas are available", o.Status.AvailableReplicas, api.Deref(o.Spec.Replicas, 1))
		if reason := replicaFailure(o); reason != "" {
			text += "; " + reason
		}
		return text
	case *appsv1.StatefulSet:
		return fmt.Sprintf("%d of %d replicas are ready", o.Status.ReadyReplicas, api.Deref(o.Spec.Replicas, 1))
	case *appsv1.DaemonSet:
		return fmt.Sprintf("available on %d of %d nodes", o.Status.NumberAvailable, o.Status.DesiredNumberScheduled)
	}
	return "is not as desired"
}

func nodeReason(n *corev1.Node, up bool) string {
	if !up {
		return "its machine is down, and it still counts as ready"
	}
	if c := api.NodeCondition(n, corev1.NodeReady); c != nil {
		return fmt.Sprintf("is not ready: %s: %s", c.Reason, c.Message)
	}
	return "is not ready: its kubelet has not reported"
}

// pod explains a pod that is neither ready nor ended.
func (d *diagnosis) pod(pod *corev1.Pod) {
	family := api.KeyOf(pod)
	if owner := api.ControllerOf(&pod.ObjectMeta); owner != nil {
		family = pod.Namespace + " " + owner.Kind + " " + owner.Name
	}
	d.addGrouped("pod "+api.KeyOf(pod), d.podReason(pod), family)
}

func (d *diagnosis) podReason(pod *corev1.Pod) string {
	warning := d.lastWarning("Pod", pod)
	scheduled := api.PodCondition(pod, corev1.PodScheduled)
	switch {
	case pod.DeletionTimestamp != nil:
		return "is being deleted and does not go" + withWarning(warning)
	case pod.Spec.NodeName == "" && scheduled != nil && scheduled.Message != "":
		return "cannot be scheduled: " + scheduled.Message
	case pod.Spec.NodeName == "":
		return "is not scheduled" + withWarning(warning)
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if reason := containerReason(&statuses[i]); reason != "" {
				return reason + withWarning(warning)
			}
		}
	}
	if c := api.PodCondition(pod, corev1.PodReady); c != nil && c.Message != "" {
		return "is not ready: " + c.Message + withWarning(warning)
	}
	return fmt.Sprintf("is %s, not ready", pod.Status.Phase) + withWarning(warning)
}

func withWarning(warning string) string {
	if warning == "" {
		return ""
	}
	return "; " + warning
}

// containerReason explains a container that does not run.
func containerReason(c *corev1.ContainerStatus) string {
	switch {
	case c.State.Waiting != nil && c.State.Waiting.Reason != "" && c.State.Waiting.Reason != "PodInitializing":
		text := fmt.Sprintf("container %s waits: %s", c.Name, c.State.Waiting.Reason)
		if c.State.Waiting.Message != "" {
			text += ": " + c.State.Waiting.Message
		}
		return text
	case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
		return fmt.Sprintf("container %s ended with exit code %d: %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Reason)
	}
	return ""
}

// eventTime is when an event was seen last, whichever of the two event machines wrote it.
func eventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
