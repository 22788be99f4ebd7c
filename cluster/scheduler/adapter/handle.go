package adapter

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/informers"
	clientset "k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// missingError is what a plugin gets that asks for something a simulated scheduler doesn't have.
type missingError struct{ method string }

func (e missingError) Error() string {
	return "the plugin uses Handle." + e.method + ", which a simulated scheduler does not have"
}

func missing(method string) { panic(missingError{method}) }

// handle is the scheduler as adapted plugins see it: fwk.Handle. All adapted plugins of a profile share one, and the cycle's state.
type handle struct {
	*framework.Handle
	key      framework.StateKey
	snapshot *framework.Snapshot // of the attempt under way
	cycle    *framework.Cycle
}

var _ fwk.Handle = (*handle)(nil)

func handleOf(h *framework.Handle) *handle {
	return h.Shared("adapter", func() any { return &handle{Handle: h, key: h.NewStateKey()} }).(*handle)
}

// state returns the adapted plugins' state of an attempt.
func (h *handle) state(c *framework.Cycle) fwk.CycleState {
	h.cycle, h.snapshot = c, c.Snapshot
	s := framework.StateOf[cycleState](c, h.key)
	if s == nil {
		s = newState()
		c.Write(h.key, s)
	}
	return s
}

func (h *handle) node(n *framework.NodeInfo) fwk.NodeInfo {
	return &nodeInfo{NodeInfo: n, symbols: h.Symbols}
}

func (h *handle) nodes(s *framework.Snapshot, slots []int32) []fwk.NodeInfo {
	list := make([]fwk.NodeInfo, len(slots))
	for i, slot := range slots {
		list[i] = h.node(s.Nodes[slot])
	}
	return list
}

func (h *handle) queued(q *framework.QueuedPodInfo) fwk.QueuedPodInfo {
	return &queuedPod{q, h.Symbols}
}

// What a plugin may ask of the snapshot.

func (h *handle) SnapshotSharedLister() fwk.SharedLister  { return h }
func (h *handle) NodeInfos() fwk.NodeInfoLister           { return h }
func (h *handle) StorageInfos() fwk.StorageInfoLister     { return h }
func (h *handle) PodGroupStates() fwk.PodGroupStateLister { missing("PodGroupStates"); return nil }
func (h *handle) List() ([]fwk.NodeInfo, error)           { return h.nodes(h.snapshot, h.snapshot.Order), nil }
func (h *handle) HavePodsWithAffinityList() ([]fwk.NodeInfo, error) {
	return h.listOf(h.snapshot.WithAffinity), nil
}
func (h *handle) HavePodsWithRequiredAntiAffinityList() ([]fwk.NodeInfo, error) {
	return h.listOf(h.snapshot.WithRequiredAntiAffinity), nil
}

func (h *handle) listOf(nodes []*framework.NodeInfo) []fwk.NodeInfo {
	list := make([]fwk.NodeInfo, len(nodes))
	for i, n := range nodes {
		list[i] = h.node(n)
	}
	return list
}

func (h *handle) Get(name string) (fwk.NodeInfo, error) {
	if n := h.snapshot.Node(name); n != nil {
		return h.node(n), nil
	}
	return nil, fmt.Errorf("nodeinfo not found for node name %q", name)
}

func (h *handle) IsPVCUsedByPods(key string) bool {
	for _, slot := range h.snapshot.Order {
		if h.snapshot.Nodes[slot].Claims[key] > 0 {
			return true
		}
	}
	return false
}

// What it may ask of the queue.

func (h *handle) NominatedPodsForNode(node string) []fwk.PodInfo {
	var list []fwk.PodInfo
	for _, p := range h.Nominator.NominatedPods(node) {
		list = append(list, podInfo{p, h.Symbols})
	}
	return list
}

func (h *handle) Activate(_ klog.Logger, pods map[string]*corev1.Pod) {
	for _, name := range sets.List(sets.KeySet(pods)) {
		h.Actions.Activate(pods[name])
	}
}

func (h *handle) AddNominatedPod(klog.Logger, fwk.PodInfo, *fwk.NominatingInfo) {
	missing("AddNominatedPod")
}
func (h *handle) DeleteNominatedPodIfExists(*corev1.Pod) { missing("DeleteNominatedPodIfExists") }
func (h *handle) UpdateNominatedPod(klog.Logger, *corev1.Pod, fwk.PodInfo) {
	missing("UpdateNominatedPod")
}

// What it may ask of the other plugins, about the pod of the attempt under way.

func (h *handle) RunFilterPluginsWithNominatedPods(_ context.Context, _ fwk.CycleState, _ *corev1.Pod, n fwk.NodeInfo) *fwk.Status {
	return back(h.Runner.FilterWithNominated(h.cycle, n.(*nodeInfo).NodeInfo))
}

func (h *handle) RunPreFilterExtensionAddPod(_ context.Context, _ fwk.CycleState, _ *corev1.Pod, p fwk.PodInfo, n fwk.NodeInfo) *fwk.Status {
	return back(h.Runner.AddPod(h.cycle, p.(podInfo).PodInfo, n.(*nodeInfo).NodeInfo))
}

func (h *handle) RunPreFilterExtensionRemovePod(_ context.Context, _ fwk.CycleState, _ *corev1.Pod, p fwk.PodInfo, n fwk.NodeInfo) *fwk.Status {
	return back(h.Runner.RemovePod(h.cycle, p.(podInfo).PodInfo, n.(*nodeInfo).NodeInfo))
}

func (h *handle) RunFilterPlugins(context.Context, fwk.CycleState, *corev1.Pod, fwk.NodeInfo) *fwk.Status {
	missing("RunFilterPlugins")
	return nil
}

func (h *handle) RunPreScorePlugins(context.Context, fwk.CycleState, *corev1.Pod, []fwk.NodeInfo) *fwk.Status {
	missing("RunPreScorePlugins")
	return nil
}

func (h *handle) RunScorePlugins(context.Context, fwk.CycleState, *corev1.Pod, []fwk.NodeInfo) ([]fwk.NodePluginScores, *fwk.Status) {
	missing("RunScorePlugins")
	return nil, nil
}

// Parallelizer does one piece of work after the other.
func (h *handle) Parallelizer() fwk.Parallelizer { return serial{} }

type serial struct{}

func (serial) Until(ctx context.Context, pieces int, do workqueue.DoWorkPieceFunc, _ string) {
	for i := range pieces {
		if ctx.Err() != nil {
			return
		}
		do(i)
	}
}

func (h *handle) ProfileName() string       { return h.Profile }
func (h *handle) Extenders() []fwk.Extender { return nil }

// What there is not.

func (h *handle) IterateOverWaitingPods(func(fwk.WaitingPod)) { missing("IterateOverWaitingPods") }
func (h *handle) GetWaitingPod(types.UID) fwk.WaitingPod {
	missing("GetWaitingPod")
	return nil
}
func (h *handle) RejectWaitingPod(types.UID) bool {
	missing("RejectWaitingPod")
	return false
}
func (h *handle) AddPodInPreBind(types.UID, context.CancelCauseFunc) { missing("AddPodInPreBind") }
func (h *handle) GetPodInPreBind(types.UID) fwk.PodInPreBind {
	missing("GetPodInPreBind")
	return nil
}
func (h *handle) RemovePodInPreBind(types.UID)   { missing("RemovePodInPreBind") }
func (h *handle) ClientSet() clientset.Interface { missing("ClientSet"); return nil }
func (h *handle) KubeConfig() *restclient.Config { missing("KubeConfig"); return nil }
func (h *handle) EventRecorder() events.EventRecorderLogger {
	missing("EventRecorder")
	return nil
}
func (h *handle) SharedInformerFactory() informers.SharedInformerFactory {
	missing("SharedInformerFactory")
	return nil
}
func (h *handle) SharedDRAManager() fwk.SharedDRAManager                { missing("SharedDRAManager"); return nil }
func (h *handle) SharedCSIManager() fwk.CSIManager                      { missing("SharedCSIManager"); return nil }
func (h *handle) APIDispatcher() fwk.APIDispatcher                      { missing("APIDispatcher"); return nil }
func (h *handle) APICacher() fwk.APICacher                              { missing("APICacher"); return nil }
func (h *handle) PodGroupManager() fwk.PodGroupManager                  { missing("PodGroupManager"); return nil }
func (h *handle) SignPod(context.Context, *corev1.Pod) fwk.PodSignature { return nil }

// queuedPod shows a pod of the queue.
type queuedPod struct {
	q       *framework.QueuedPodInfo
	symbols *framework.Symbols
}

func (p *queuedPod) GetPodInfo() fwk.PodInfo         { return podInfo{p.q.PodInfo, p.symbols} }
func (p *queuedPod) GetTimestamp() time.Time         { return wall(p.q.Timestamp) }
func (p *queuedPod) GetAttempts() int                { return p.q.Attempts }
func (p *queuedPod) GetBackoffExpiration() time.Time { return wall(p.q.BackoffExpiration) }
func (p *queuedPod) GetUnschedulableCount() int      { return p.q.UnschedulableCount }
func (p *queuedPod) GetConsecutiveErrorsCount() int  { return p.q.ConsecutiveErrors }
func (p *queuedPod) GetInitialAttemptTimestamp() *time.Time {
	if p.q.InitialAttempt == 0 {
		return nil
	}
	t := wall(p.q.InitialAttempt)
	return &t
}
func (p *queuedPod) GetUnschedulablePlugins() sets.Set[string] {
	missing("QueuedPodInfo.GetUnschedulablePlugins")
	return nil
}
func (p *queuedPod) GetPendingPlugins() sets.Set[string] {
	missing("QueuedPodInfo.GetPendingPlugins")
	return nil
}
func (p *queuedPod) GetGatingPlugin() string { missing("QueuedPodInfo.GetGatingPlugin"); return "" }
func (p *queuedPod) GetGatingPluginEvents() []fwk.ClusterEvent {
	missing("QueuedPodInfo.GetGatingPluginEvents")
	return nil
}

func wall(t framework.Time) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}
