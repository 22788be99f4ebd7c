package kubeproxy

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config describes the proxy of one node.
type Config struct {
	NodeName string
	Network  *network.Network
	Server   network.Address
	Metrics  *metrics.Registry // may be nil
}

const (
	// minSync is minSyncPeriod of KubeProxyConfiguration.
	minSync   = time.Second
	userAgent = "kube-proxy/v1.36.3 (linux/amd64) kubernetes"
	user      = "system:kube-proxy"
	// Labels that keep services and slices from the default proxy.
	labelProxyName = "service.kubernetes.io/service-proxy-name"
	labelHeadless  = corev1.IsHeadlessService
)

// purposeEndpoint is the draw of an endpoint.
const purposeEndpoint sim.Purpose = 0

// Proxy is one incarnation of a node's kube-proxy.
type Proxy struct {
	process *host.Process
	config  Config
	draws   *sim.Stream
	sync    host.Op
	shared  *tables

	services *client.Informer
	slices   *client.Informer
	node     *client.Informer

	state   fingerprint
	table   *Table
	applied fingerprint // of table
	fresh   []time.Time // when the endpoints changed that the next sync brings
	changes int64
	planned bool
	last    sim.Monotonic
	synced  bool

	affinities map[affinityKey]*affinity
	duration   *metrics.Histogram
	latency    *metrics.Histogram
}

// Start runs a proxy in the current incarnation of p.
func Start(p *host.Process, c Config) *Proxy {
	registry := c.Metrics
	if registry == nil {
		registry = metrics.NewRegistry()
	}
	k := &Proxy{
		process: p, config: c, draws: p.Stream("kubeproxy/" + c.NodeName), sync: p.Op("kubeproxy.sync"),
		affinities: map[affinityKey]*affinity{},
		duration:   registry.Histogram("kubeproxy_sync_proxy_rules_duration_seconds"),
		latency:    registry.Histogram("kubeproxy_network_programming_duration_seconds"),
	}
	k.shared = p.Attach("cluster/kubeproxy.tables", func() any { return &tables{byState: map[fingerprint]*Table{}} }).(*tables)
	k.watch(client.New(p, client.Config{
		Network: c.Network, Server: c.Server, UserAgent: userAgent, Metrics: c.Metrics,
		User: &api.User{Name: user, Groups: []string{"system:authenticated"}},
	}))
	return k
}

// without selects objects that carry none of the labels.
func without(names ...string) labels.Selector {
	s := labels.NewSelector()
	for _, name := range names {
		r, err := labels.NewRequirement(name, selection.DoesNotExist, nil)
		if err != nil {
			panic("kubeproxy: " + err.Error())
		}
		s = s.Add(*r)
	}
	return s
}

// byService is the index of slices by the service they belong to.
const byService = "service"

func (p *Proxy) watch(c *client.Client) {
	informers := client.NewInformers(c)
	p.services = informers.For(api.Services, client.Options{LabelSelector: without(labelProxyName, labelHeadless)})
	p.slices = informers.For(api.EndpointSlices, client.Options{LabelSelector: without(labelProxyName, labelHeadless)})
	p.node = informers.For(api.Nodes, client.Options{FieldSelector: api.ByField("metadata.name", p.config.NodeName)})
	p.slices.AddIndex(byService, func(o api.Object) []string {
		return []string{api.Key(o.GetNamespace(), o.GetLabels()[discoveryv1.LabelServiceName])}
	})
	for _, i := range []*client.Informer{p.services, p.slices} {
		i.OnEvent(client.Handler{
			Add:    func(o api.Object) { p.changed(nil, o) },
			Update: func(old, o api.Object) { p.changed(old, o) },
			Delete: func(o api.Object) { p.changed(o, nil) },
		})
	}
	informers.Start()
	p.process.Go("kubeproxy.start", func(t *sim.Task) {
		informers.WaitForSync(t)
		p.synced = true
		p.request()
	})
}

// changed takes note of a change.
func (p *Proxy) changed(old, o api.Object) {
	if old != nil {
		p.state.remove(old)
	}
	if o != nil {
		p.state.add(o)
		if slice, ok := o.(*discoveryv1.EndpointSlice); ok {
			p.note(slice)
		}
	}
	p.changes++
	p.request()
}

// note keeps when the endpoints of a slice changed, for the metric.
func (p *Proxy) note(slice *discoveryv1.EndpointSlice) {
	text, has := slice.Annotations[corev1.EndpointsLastChangeTriggerTime]
	if !has || !p.synced {
		return
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		p.fresh = append(p.fresh, t)
	}
}

// request asks for a sync: now, or when a second has passed since the last one.
func (p *Proxy) request() {
	if p.planned || !p.synced {
		return
	}
	p.planned = true
	wait := time.Duration(0)
	if p.table != nil {
		wait = max(minSync-p.process.Monotonic().Sub(p.last), 0)
	}
	p.process.After(wait, p.run)
}

// run is a sync: it takes the table of what the proxy has seen, and applies it when the work is done.
func (p *Proxy) run() {
	began := p.process.Monotonic()
	p.last, p.planned = began, false
	state, fresh, changes := p.state, p.fresh, p.changes
	p.fresh, p.changes = nil, 0
	table := p.shared.get(state, p.build)
	p.process.ChargeFunc(p.sync, changes, func() {
		p.table, p.applied = table, state
		p.duration.Observe(p.process.Monotonic().Sub(began))
		now := p.process.Wall().Time()
		for _, t := range fresh {
			p.latency.Observe(max(now.Sub(t), 0))
		}
	})
}

func (p *Proxy) build() *Table {
	return newTable(api.Items[*corev1.Service](p.services.List("", nil)), func(s *corev1.Service) []*discoveryv1.EndpointSlice {
		return api.Items[*discoveryv1.EndpointSlice](p.slices.ByIndex(byService, api.KeyOf(s)))
	})
}

// where is the proxy's place.
func (p *Proxy) where() where {
	w := where{node: p.config.NodeName}
	if o, ok := p.node.Get("", p.config.NodeName); ok {
		w.zone = o.GetLabels()[corev1.LabelTopologyZone]
	}
	return w
}

// Table returns the rules that are applied now; nil before the first sync.
func (p *Proxy) Table() *Table { return p.table }
