package stages

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// KWOK's defaults: pkg/apis/config/v1alpha1/kwok_configuration_types.go, kustomize/kwok/kwok.yaml.
const (
	podWorkers     = 4 // podPlayStageParallelism
	nodeWorkers    = 4 // nodePlayStageParallelism
	leaseWorkers   = 4 // nodeLeaseParallelism
	listWorkers    = 1 // podsOnNodeSyncParallelism
	listPage       = 500
	leaseDuration  = 40 * time.Second // nodeLeaseDurationSeconds, as kwokctl and the Kubernetes manifests set it
	defaultPort    = 10247
	defaultCIDR    = "10.0.0.1/24"
	userAgent      = "kwok/v" + Version + "-alpha"
	eventComponent = "kwok_controller"
)

// Addresses and users as in the recorded cluster.
const (
	defaultNodeIP = "10.10.0.1"
	defaultUser   = "kwok-admin"
)

// Config describes one KWOK controller.
type Config struct {
	Network *network.Network
	Server  network.Address
	Metrics *metrics.Registry // may be nil
	Stages  *Set
	// Manage says which nodes are the controller's; nil: every node whose lease nobody else holds.
	Manage func(node *corev1.Node) bool
	// Down holds the nodes that scenarios have switched off; nil: none can be.
	Down *Down

	Identity string // lease holder; "": kwok
	NodeIP   string // of nodes without an address; "": as recorded
	NodePort int    // 0: 10247
	CIDR     string // of nodes without a pod range; "": KWOK's default
}

// Down is the set of nodes that are switched off: KWOK nodes have no machine that could crash, so a scenario that wants
// one gone makes the controller forget it. Its lease is not renewed and its objects stay as they are.
type Down struct {
	nodes map[string]bool
	up    func(node string) // the running controller's
}

// Set switches a node off, or on again.
func (d *Down) Set(node string, down bool) {
	if d.nodes == nil {
		d.nodes = map[string]bool{}
	}
	if d.nodes[node] == down {
		return
	}
	d.nodes[node] = down
	if !down && d.up != nil {
		d.up(node)
	}
}

func (d *Down) has(node string) bool { return d != nil && d.nodes[node] }

// Purposes of the controller's draws.
const (
	purposeStage sim.Purpose = iota
	purposeDelay
	purposeAddress
	purposeLease
	purposeBackoff
)

// Controller plays the stages of nodes and pods, and holds the leases of the nodes.
type Controller struct {
	process  *host.Process
	config   Config
	client   *client.Client
	recorder *client.Recorder
	nodes    *client.Informer
	pods     *client.Informer
	leases   *client.Informer

	draws    *sim.Stream
	started  time.Time
	renderer *Renderer
	pools    pools
	nodePlay *player
	podPlay  *player
	holder   *holder
	syncPods *queue[string]

	match, render host.Op
}

// Start runs a controller in the current incarnation of p.
func Start(p *host.Process, c Config) *Controller {
	c = c.withDefaults()
	k := &Controller{
		process: p, config: c, draws: p.Stream("kwok/" + p.Name()), started: p.Wall().Time(),
		pools: pools{byCIDR: map[string]*pool{}, shared: c.CIDR},
		match: p.Op("kwok.match"), render: p.Op("kwok.render"),
	}
	k.renderer = NewRenderer((*env)(k))
	// KWOK sets no rate limit on its client (pkg/utils/client/clientset.go).
	k.client = client.New(p, client.Config{
		Network: c.Network, Server: c.Server, UserAgent: userAgent, User: &api.User{Name: defaultUser}, Metrics: c.Metrics,
	})
	k.recorder = client.NewRecorder(k.client, p, eventComponent, "")
	k.nodePlay = newPlayer(k, api.Nodes, c.Stages.Nodes, "nodes", nodeWorkers)
	k.podPlay = newPlayer(k, api.Pods, c.Stages.Pods, "pods", podWorkers)
	k.holder = newHolder(k)
	k.syncPods = newQueue(p, "list", listWorkers, k.listPods)
	if c.Down != nil {
		c.Down.up = k.nodeBack
	}
	k.watch()
	return k
}

func (c Config) withDefaults() Config {
	if c.Identity == "" {
		c.Identity = "kwok"
	}
	if c.NodeIP == "" {
		c.NodeIP = defaultNodeIP
	}
	if c.NodePort == 0 {
		c.NodePort = defaultPort
	}
	if c.CIDR == "" {
		c.CIDR = defaultCIDR
	}
	return c
}

func (k *Controller) watch() {
	informers := client.NewInformers(k.client)
	k.nodes = informers.For(api.Nodes, client.Options{})
	k.pods = informers.For(api.Pods, client.Options{FieldSelector: fields.OneTermNotEqualSelector("spec.nodeName", "")})
	k.leases = informers.For(api.Leases, client.Options{Namespace: corev1.NamespaceNodeLease})
	k.nodes.OnEvent(client.Handler{
		Add:    func(o api.Object) { k.nodeSeen(o.(*corev1.Node), true) },
		Update: func(old, o api.Object) { k.nodeChanged(old.(*corev1.Node), o.(*corev1.Node)) },
		Delete: func(o api.Object) { k.nodeGone(o.(*corev1.Node)) },
	})
	k.pods.OnEvent(client.Handler{
		Add:    func(o api.Object) { k.podSeen(o.(*corev1.Pod)) },
		Update: func(_, o api.Object) { k.podSeen(o.(*corev1.Pod)) },
		Delete: func(o api.Object) { k.podGone(o.(*corev1.Pod)) },
	})
	informers.Start()
}

func (k *Controller) manages(n *corev1.Node) bool {
	return k.config.Manage == nil || k.config.Manage(n)
}

// node returns a managed node.
func (k *Controller) node(name string) (*corev1.Node, bool) {
	o, ok := k.nodes.Get("", name)
	if !ok || !k.manages(o.(*corev1.Node)) {
		return nil, false
	}
	return o.(*corev1.Node), true
}

// acts reports whether the controller may change the node and its pods: it holds the lease, and the node is not off.
func (k *Controller) acts(node string) bool {
	return k.holder.holds(node) && !k.config.Down.has(node)
}

func (k *Controller) nodeSeen(n *corev1.Node, added bool) {
	if !k.manages(n) {
		return
	}
	if k.acts(n.Name) {
		k.nodePlay.consider(n)
	}
	if added {
		k.holder.tryHold(n.Name)
	}
}

// nodeChanged lets go of a node that is no longer to be managed: KWOK's own watch selects nodes by label, so that such a
// node is gone for it, and one that gets the label is new.
func (k *Controller) nodeChanged(old, n *corev1.Node) {
	if was, is := k.manages(old), k.manages(n); was && !is {
		k.nodeGone(old)
	} else {
		k.nodeSeen(n, is && !was)
	}
}

func (k *Controller) nodeGone(n *corev1.Node) {
	k.nodePlay.forget(n)
	k.holder.release(n.Name)
}

// nodeManaged is called when the node's lease has become the controller's: all that was skipped until now is due.
func (k *Controller) nodeManaged(name string) {
	if n, ok := k.node(name); ok && !k.config.Down.has(name) {
		k.nodePlay.consider(n)
	}
	k.syncPods.add(name, 0, 0)
}

func (k *Controller) nodeBack(name string) {
	if _, ok := k.node(name); ok {
		k.holder.renewNow(name)
		k.nodeManaged(name)
	}
}

func (k *Controller) podSeen(p *corev1.Pod) {
	if _, ok := k.node(p.Spec.NodeName); ok && k.acts(p.Spec.NodeName) {
		k.podPlay.consider(p)
	}
}

func (k *Controller) podGone(p *corev1.Pod) {
	if n, ok := k.node(p.Spec.NodeName); ok {
		k.pools.each(n, p, (*pool).put)
		k.podPlay.forget(p)
	}
}

// listPods asks for the pods of a node that has just become managed, page by page, as KWOK does.
func (k *Controller) listPods(node string, finished func()) {
	k.listPage(node, "", finished)
}

func (k *Controller) listPage(node, next string, finished func()) {
	r := &api.Request{
		Verb: api.VerbList, Resource: api.Pods, Limit: listPage, Continue: next,
		FieldSelector: api.ByField("spec.nodeName", node),
	}
	k.client.Start(r, func(response *api.Response, err error) {
		if err != nil {
			finished() // KWOK logs it; the watch brings later versions
			return
		}
		for _, o := range response.List.Items {
			k.podSeen(o.(*corev1.Pod))
		}
		if response.List.Continue != "" {
			k.listPage(node, response.List.Continue, finished)
			return
		}
		finished()
	})
}

// env answers the templates' questions.
type env Controller

func (e *env) Now() time.Time       { return e.process.Wall().Time() }
func (e *env) StartTime() time.Time { return e.started }
func (e *env) NodeName() string     { return "" }
func (e *env) NodeIP() string       { return e.config.NodeIP }
func (e *env) NodePort() int        { return e.config.NodePort }

func (e *env) NodeIPsWith(name string) []string {
	n, ok := (*Controller)(e).node(name)
	if !ok {
		return []string{e.config.NodeIP}
	}
	if ips := hostIPs(n); len(ips) > 0 {
		return ips
	}
	return []string{e.config.NodeIP}
}

func (e *env) PodIPsWith(name string, hostNetwork bool) []string {
	k := (*Controller)(e)
	n, ok := k.node(name)
	if hostNetwork || !ok {
		return e.NodeIPsWith(name)
	}
	var out []string
	for _, p := range k.pools.of(n) {
		out = append(out, p.get(func(n int64) int64 { return k.draws.Int63n(purposeAddress, n) }))
	}
	if len(out) == 0 {
		return e.NodeIPsWith(name)
	}
	return out
}

// hostIPs are the node's own addresses: the first internal one (else external), and the first of the other family.
func hostIPs(n *corev1.Node) []string {
	var all []netip.Addr
	for _, t := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeExternalIP} {
		for _, a := range n.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && a.Type == t {
				all = append(all, ip)
			}
		}
	}
	var out []string
	for i, ip := range all {
		switch {
		case i == 0:
			out = append(out, ip.String())
		case ip.Is4() != all[0].Is4():
			return append(out, ip.String())
		}
	}
	return out
}
