package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/api"
)

// annotationAttach says that the attach-detach controller handles the node's volumes.
const annotationAttach = "volumes.kubernetes.io/controller-managed-attach-detach"

// Registration is tried with growing pauses (kubelet_node_status.go).
const (
	registerBackoff    = 100 * time.Millisecond
	registerBackoffMax = 7 * time.Second
)

// networkNotReady is what containerd says while there is no CNI configuration.
const networkNotReady = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"

// nodeKeeper registers the node and keeps its status. The status is computed every ten seconds and sent if it has
// changed, or if nothing was sent for five minutes; while nothing can have changed computing it is left out.
type nodeKeeper struct {
	kubelet    *Kubelet
	registered bool
	backoff    time.Duration
	reported   moment        // when a status was last sent
	delay      time.Duration // drawn after a change, so that nodes that changed together do not report together
	dirty      bool          // something that the status depends on has changed
	info       corev1.NodeSystemInfo
	images     []corev1.ContainerImage
	allocates  corev1.ResourceList

	network     bool // as last checked
	runtimeSeen moment
	checked     bool
	checking    bool
	cordoned    bool
	known       bool // to the informer
	fastDone    bool
	fastSince   moment
	tries       int
}

// prepare gathers what does not change: admission asks for it before the node is registered.
func (n *nodeKeeper) prepare(k *Kubelet) {
	*n = nodeKeeper{
		kubelet: k, backoff: registerBackoff, dirty: true, fastSince: k.now(),
		info: systemInfo(k.config.NodeName, k.machine.boots), allocates: allocatableOf(k.config.Capacity),
	}
	n.imagesChanged()
	n.checkRuntime()
}

func (n *nodeKeeper) start(k *Kubelet) {
	n.register()
	k.process.After(fastStatusPeriod, n.fast)
}

// register creates the node, or takes over the one that is there.
func (n *nodeKeeper) register() {
	k := n.kubelet
	wait := n.backoff
	n.backoff = min(2*n.backoff, registerBackoffMax)
	k.process.After(wait, func() {
		node, events := k.initialNode()
		k.nodeEvents(events)
		r := &api.Request{Verb: api.VerbCreate, Resource: api.Nodes, Name: k.config.NodeName, Object: node}
		k.client.Start(r, func(_ *api.Response, err error) {
			switch {
			case err == nil:
				n.done()
			case apierrors.IsAlreadyExists(err):
				n.takeOver()
			default:
				n.register()
			}
		})
	})
}

func (n *nodeKeeper) done() {
	n.registered = true
	n.sync()
}

// takeOver brings the labels of an existing node up to date.
func (n *nodeKeeper) takeOver() {
	k := n.kubelet
	k.client.Start(&api.Request{Verb: api.VerbGet, Resource: api.Nodes, Name: k.config.NodeName}, func(r *api.Response, err error) {
		if err != nil {
			n.register()
			return
		}
		node := r.Object.(*corev1.Node)
		initial, _ := k.initialNode()
		body := adoption(node, initial)
		if body == nil {
			n.done()
			return
		}
		k.client.Start(&api.Request{Verb: api.VerbPatch, Resource: api.Nodes, Subresource: "status", Name: node.Name, Patch: body}, func(_ *api.Response, err error) {
			if err != nil {
				n.register()
				return
			}
			n.done()
		})
	})
}

// defaultLabels are those that a kubelet puts right on a node that exists already.
var defaultLabels = []string{
	corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaZone,
	corev1.LabelFailureDomainBetaRegion, corev1.LabelInstanceTypeStable, corev1.LabelInstanceType, corev1.LabelOSStable,
	corev1.LabelArchStable, "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
}

// adoption is the patch that gives an existing node the labels and the annotation of this kubelet, or nil.
func adoption(node, initial *corev1.Node) *api.PatchBody {
	labels, annotations := node.Labels, node.Annotations
	for _, l := range defaultLabels {
		if v, has := initial.Labels[l]; has && labels[l] != v {
			labels = api.With(labels, l, v)
		}
	}
	if annotations[annotationAttach] != "true" {
		annotations = api.With(annotations, annotationAttach, "true")
	}
	if len(labels) == len(node.Labels) && api.MatchesSet(initialDefaults(initial), node.Labels) && len(annotations) == len(node.Annotations) {
		return nil
	}
	wanted := initialDefaults(initial)
	return &api.PatchBody{Type: types.StrategicMergePatchType, SizeBytes: 60 + 60*len(wanted), Apply: func(o api.Object) (api.Object, error) {
		next := api.Shallow(o.(*corev1.Node))
		for _, l := range defaultLabels {
			if v, has := wanted[l]; has {
				next.Labels = api.With(next.Labels, l, v)
			}
		}
		next.Annotations = api.With(next.Annotations, annotationAttach, "true")
		return next, nil
	}}
}

func initialDefaults(initial *corev1.Node) map[string]string {
	out := map[string]string{}
	for _, l := range defaultLabels {
		if v, has := initial.Labels[l]; has {
			out[l] = v
		}
	}
	return out
}

// initialNode is the node as this kubelet would create it, with the events that this is worth.
func (k *Kubelet) initialNode() (*corev1.Node, []string) {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: k.config.NodeName, Labels: labelsOf(k.config.NodeName, k.config.Labels),
			Annotations: map[string]string{annotationAttach: "true"},
		},
		Spec: corev1.NodeSpec{Taints: k.config.Taints, ProviderID: k.config.ProviderID},
	}
	facts := k.node.facts()
	status, events := facts.apply(&node.Status)
	node.Status = status
	return node, events
}

// ownNode is the node as the API has it, else as it would be created.
func (k *Kubelet) ownNode() *corev1.Node {
	if o, ok := k.informers.node.Get("", k.config.NodeName); ok {
		return o.(*corev1.Node)
	}
	node, _ := k.initialNode()
	return node
}

// nodeEvents records what changed of the node's status.
func (k *Kubelet) nodeEvents(reasons []string) {
	for _, reason := range reasons {
		k.record(k.nodeRef, corev1.EventTypeNormal, reason, fmt.Sprintf("Node %s status is now: %s", k.config.NodeName, reason))
	}
}

// facts gathers what the status is computed from.
func (n *nodeKeeper) facts() *facts {
	k := n.kubelet
	f := &facts{
		capacity: k.config.Capacity, allocatable: n.allocates, info: n.info, images: n.images, now: k.wall(), notReady: n.complaints(),
	}
	if k.config.NodeIP != "" {
		f.addresses = append(f.addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: k.config.NodeIP})
	}
	f.addresses = append(f.addresses, corev1.NodeAddress{Type: corev1.NodeHostName, Address: k.config.NodeName})
	return f
}

// complaints are why the node is not ready.
func (n *nodeKeeper) complaints() []string {
	var out []string
	if !n.checked {
		out = append(out, "container runtime status check may not have completed yet")
	} else if n.kubelet.now().Sub(n.runtimeSeen) >= runtimeTimeout && !n.kubelet.runtime.Up() {
		out = append(out, "container runtime is down")
	}
	if message := n.kubelet.networkError(); message != "" {
		out = append(out, message)
	}
	return out
}

// networkError is why pods cannot have a network, or "".
func (k *Kubelet) networkError() string {
	if k.node.network {
		return ""
	}
	return networkNotReady
}

// checkRuntime is the turn of the check of the runtime's state. It has its turn every five seconds; here when the state
// has changed, and as long as the runtime does not answer.
func (n *nodeKeeper) checkRuntime() {
	k := n.kubelet
	n.checking = false
	if !k.runtime.Up() {
		n.dirty = true
		n.planCheck()
		return
	}
	n.runtimeSeen, n.checked = k.now(), true
	if ready := k.runtime.NetworkReady(); ready != n.network {
		n.network, n.dirty = ready, true
	}
}

func (n *nodeKeeper) planCheck() {
	if !n.checking {
		n.checking = true
		n.kubelet.process.After(n.kubelet.untilTick(runtimePeriod), n.checkRuntime)
	}
}

// runtimeChanged is told that containerd or its network has come or gone.
func (k *Kubelet) runtimeChanged() {
	n := &k.node
	if k.runtime.Up() || n.checked && !n.checking {
		n.runtimeSeen = max(n.runtimeSeen, k.lastTick(runtimePeriod))
	}
	n.planCheck()
}

// imagesChanged takes note of a pull.
func (n *nodeKeeper) imagesChanged() {
	n.images, n.dirty = imageList(n.kubelet.runtime.Images()), true
}

// fast looks every 100 ms whether the node has become ready, and then reports at once: only until it has, once.
func (n *nodeKeeper) fast() {
	k := n.kubelet
	if k.now().Sub(n.fastSince) >= fastStatusLimit {
		n.fastDone = true
		return
	}
	o, ok := k.informers.node.Get("", k.config.NodeName)
	if ok && n.fastStep(o.(*corev1.Node)) {
		n.fastDone = true
		return
	}
	k.process.After(fastStatusPeriod, n.fast)
}

func (n *nodeKeeper) fastStep(node *corev1.Node) bool {
	if api.IsNodeReady(node) {
		return true
	}
	n.checkRuntime()
	if len(n.complaints()) > 0 || !n.registered {
		return false
	}
	n.update(node, nil)
	return true
}

func nodeDue(_ uint64, ref any) { ref.(*Kubelet).node.sync() }

// sync is the turn of the status loop.
func (n *nodeKeeper) sync() {
	if !n.dirty && !n.due() {
		n.rest()
		return
	}
	n.tries = 0
	n.try()
}

// rest ends a turn.
func (n *nodeKeeper) rest() {
	k := n.kubelet
	k.process.At(k.jittered(purposeHeartbeat, statusPeriod, heartbeatJitterPart), 0, k.kinds.node, 0, k)
}

// try compares and sends: first with the node as watched, then, after a failure, with a fresh one.
func (n *nodeKeeper) try() {
	k := n.kubelet
	if n.tries == 0 {
		if o, ok := k.informers.node.Get("", k.config.NodeName); ok {
			n.update(o.(*corev1.Node), n.answered)
			return
		}
		n.answered(errCancelled)
		return
	}
	k.heartbeat.Start(&api.Request{Verb: api.VerbGet, Resource: api.Nodes, Name: k.config.NodeName}, func(r *api.Response, err error) {
		if err != nil {
			n.answered(err)
			return
		}
		n.update(r.Object.(*corev1.Node), n.answered)
	})
}

func (n *nodeKeeper) answered(err error) {
	n.tries++
	if err == nil || n.tries >= statusRetries {
		n.rest()
		return
	}
	n.try()
}

// due reports whether a status must be sent although it has not changed.
func (n *nodeKeeper) due() bool {
	return n.reported == 0 || n.kubelet.now().Sub(n.reported) >= reportPeriod+n.delay
}

// update computes the status and sends it if there is a reason. done may be nil.
func (n *nodeKeeper) update(node *corev1.Node, done func(error)) {
	finish := func(err error) {
		if done != nil {
			done(err)
		}
	}
	if !n.dirty && !n.due() {
		finish(nil)
		return
	}
	k := n.kubelet
	next, events := n.facts().apply(&node.Status)
	n.dirty = len(n.complaints()) > 0 && !k.runtime.Up()
	changed := nodeStatusChanged(&node.Status, &next)
	if !changed && !n.due() {
		finish(nil)
		return
	}
	k.nodeEvents(events)
	n.delay = 0
	if changed || n.reported == 0 {
		n.delay = time.Duration(k.draws.Int63n(purposeReport, int64(reportPeriod))) - reportPeriod/2
	}
	r := &api.Request{Verb: api.VerbPatch, Resource: api.Nodes, Subresource: "status", Name: node.Name, Patch: nodePatch(&node.Status, next)}
	k.heartbeat.Start(r, func(_ *api.Response, err error) {
		if err == nil {
			n.reported = k.now()
		} else {
			n.dirty = true
		}
		finish(err)
	})
}

// Lengths in bytes of the parts of a node status patch, measured on those of a real kubelet.
const (
	nodePatchBase      = 190
	nodePatchCondition = 210
	nodePatchImage     = 180
	nodePatchRest      = 900
)

// nodePatch is the strategic merge patch from the API's status to ours: conditions of others stay.
func nodePatch(old *corev1.NodeStatus, next corev1.NodeStatus) *api.PatchBody {
	size := nodePatchBase + 4*nodePatchCondition
	if len(old.Images) != len(next.Images) {
		size += nodePatchImage * len(next.Images)
	}
	if len(old.Capacity) != len(next.Capacity) {
		size += nodePatchRest
	}
	return &api.PatchBody{Type: types.StrategicMergePatchType, SizeBytes: size, Apply: func(o api.Object) (api.Object, error) {
		n := api.Shallow(o.(*corev1.Node))
		conditions := n.Status.Conditions
		attached := n.Status.VolumesAttached
		n.Status = next
		n.Status.VolumesAttached = attached
		n.Status.Conditions = nil
		for _, c := range next.Conditions {
			if is := findNodeCondition(conditions, c.Type); is == nil || ownedByKubelet(c.Type) {
				n.Status.Conditions = append(n.Status.Conditions, c)
			} else {
				n.Status.Conditions = append(n.Status.Conditions, *is)
			}
		}
		for _, c := range conditions {
			if findNodeCondition(next.Conditions, c.Type) == nil {
				n.Status.Conditions = append(n.Status.Conditions, c)
			}
		}
		return n, nil
	}}
}

func findNodeCondition(list []corev1.NodeCondition, t corev1.NodeConditionType) *corev1.NodeCondition {
	for i := range list {
		if list[i].Type == t {
			return &list[i]
		}
	}
	return nil
}

func ownedByKubelet(t corev1.NodeConditionType) bool {
	switch t {
	case corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure:
		return true
	}
	return false
}

// nodeSeen is told of every version of the node.
func (k *Kubelet) nodeSeen(node *corev1.Node) {
	n := &k.node
	if !n.known {
		n.known = true
		k.mirrorAll()
	}
	if cidr := podCIDR(node); cidr != "" {
		k.setPodCIDR(cidr)
	}
	// A report by somebody else, such as the node controller's Unknown, must be put right at the next turn.
	if c := findNodeCondition(node.Status.Conditions, corev1.NodeReady); c == nil || (c.Status == corev1.ConditionTrue) != (len(n.complaints()) == 0) {
		n.dirty = true
	}
	for _, t := range []corev1.NodeConditionType{corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
		if c := findNodeCondition(node.Status.Conditions, t); c == nil || c.Status == corev1.ConditionUnknown {
			n.dirty = true
		}
	}
	if n.cordoned != node.Spec.Unschedulable {
		n.cordoned = node.Spec.Unschedulable
		reason := "NodeSchedulable"
		if n.cordoned {
			reason = "NodeNotSchedulable"
		}
		k.nodeEvents([]string{reason})
	}
}

func podCIDR(node *corev1.Node) string {
	if len(node.Spec.PodCIDRs) > 0 {
		return node.Spec.PodCIDRs[0]
	}
	return node.Spec.PodCIDR
}

func (k *Kubelet) setPodCIDR(cidr string) {
	if strings.TrimSpace(cidr) == "" {
		return
	}
	before := k.runtime.NetworkReady()
	if err := k.runtime.SetPodCIDR(cidr); err != nil {
		k.record(k.nodeRef, corev1.EventTypeWarning, "InvalidPodCIDR", err.Error())
		return
	}
	if k.runtime.NetworkReady() != before {
		k.runtimeChanged()
	}
}
