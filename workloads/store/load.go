package store

import (
	"fmt"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/cluster/etcd/check"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config says how much work there is. Zero fields mean the defaults given with them.
type Config struct {
	Clients           int // 4
	RequestsPerSecond int // 20, of all clients together
	Keys              int // 8
	ValueBytes        int // 256
	Watchers          int // 2 for each client
}

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		field    *int
		standard int
	}{{&c.Clients, 4}, {&c.RequestsPerSecond, 20}, {&c.Keys, 8}, {&c.ValueBytes, 256}, {&c.Watchers, 2}} {
		if *f.field == 0 {
			*f.field = f.standard
		}
	}
	return c
}

// World is where the load runs, and the store that it is for.
type World struct {
	Simulation *sim.Simulation
	Network    *network.Network
	Members    []network.Address
	Checker    *check.Checker
	Metrics    *metrics.Registry
	Region     string
}

// Load is work under way.
type Load struct {
	world   World
	config  Config
	clients []*client
	// rest is the time from one request of a client to the next.
	rest    sim.Distribution
	stopped bool
	windows []Window
	// write and read are how long answered requests took.
	write, read *metrics.Histogram
	began       sim.Time
}

// Window is what happened in a span of time.
type Window struct {
	// At is when it began, since the load did.
	At                        time.Duration
	Answered, Failed, Refused int64
	Write, Read               *metrics.Histogram
}

// WindowSpan is how long a window is.
const WindowSpan = 15 * time.Second

// The names of the latencies, as clients see them.
const (
	WriteLatency = "store_client_write_seconds"
	ReadLatency  = "store_client_read_seconds"
)

// Start begins.
func Start(w World, c Config) *Load {
	l := &Load{world: w, config: c.withDefaults()}
	l.began = w.Simulation.Now()
	l.rest = sim.Exponential(time.Second * time.Duration(l.config.Clients) / time.Duration(l.config.RequestsPerSecond))
	l.write, l.read = w.Metrics.Histogram(WriteLatency), w.Metrics.Histogram(ReadLatency)
	for i := range l.config.Clients {
		l.clients = append(l.clients, l.newClient(fmt.Sprintf("client-%d", i)))
	}
	for _, c := range l.clients {
		c.process.Do(c.start)
	}
	slow := l.newClient("client-slow")
	l.clients = append(l.clients, slow)
	slow.process.Do(slow.startSlow)
	return l
}

// Stop ends the requests. Watches go on, so that it shows whether they catch up.
func (l *Load) Stop() { l.stopped = true }

// Windows are the windows so far.
func (l *Load) Windows() []Window { return l.windows }

// window is the present one.
func (l *Load) window() *Window {
	n := int(l.world.Simulation.Now().Sub(l.began) / WindowSpan)
	for len(l.windows) <= n {
		r := metrics.NewRegistry()
		l.windows = append(l.windows, Window{
			At: time.Duration(len(l.windows)) * WindowSpan, Write: r.Histogram(WriteLatency), Read: r.Histogram(ReadLatency),
		})
	}
	return &l.windows[n]
}

// observe counts an answer.
func (l *Load) observe(write bool, took time.Duration, err error) {
	w := l.window()
	switch {
	case err != nil && check.MaybeDone(err):
		w.Failed++
		return
	case err != nil:
		w.Refused++
		return
	}
	w.Answered++
	if write {
		l.write.Observe(took)
		w.Write.Observe(took)
	} else {
		l.read.Observe(took)
		w.Read.Observe(took)
	}
}

// client is one machine that asks.
type client struct {
	load    *Load
	process *host.Process
	store   *check.Client
	draws   *sim.Stream
	arrival sim.Kind
	flying  int
	values  int
	watches []*check.Watch
	leases  []*held
}

// Draws of a client's stream.
const (
	purposeArrival sim.Purpose = iota
	purposeRequest
	purposeKey
	purposeRest
)

func (l *Load) newClient(name string) *client {
	w := l.world
	machine := host.NewMachine(w.Simulation, host.Config{Name: name, Zone: "a", Region: w.Region, Cores: 2})
	c := &client{load: l, draws: w.Simulation.Stream("store/" + name)}
	c.process = machine.Spawn("client", func(*host.Process) {})
	c.arrival = c.process.Kind("store.arrival", arrive)
	raw := etcd.NewClient(c.process, w.Network, w.Members)
	raw.InTurn = true
	c.store = w.Checker.Client(c.process, raw)
	c.store.Observe = l.observe
	return c
}

func (c *client) draw(n int) int { return int(c.draws.Int63n(purposeRest, int64(n))) }

// start begins watching and asking.
func (c *client) start() {
	for range c.load.config.Watchers {
		c.watches = append(c.watches, c.store.Watch(c.watchRequest()))
	}
	c.next()
}

// next plans the next arrival.
func (c *client) next() {
	wait := c.draws.Duration(purposeArrival, c.load.rest)
	c.process.At(wait, 0, c.arrival, 0, c)
}

// maxFlying is how many requests of one client may be under way.
const maxFlying = 16

func arrive(_ uint64, ref any) {
	c := ref.(*client)
	if c.load.stopped {
		return
	}
	if c.flying < maxFlying {
		c.request()
	}
	c.next()
}

// The slow watcher works and stops in turn.
const (
	slowWatches        = 3
	minWork, maxWork   = 10 * time.Second, 40 * time.Second
	minPause, maxPause = 5 * time.Second, 25 * time.Second
)

func (c *client) startSlow() {
	for range slowWatches {
		c.watches = append(c.watches, c.store.Watch(etcd.WatchRequest{Key: etcd.AllKeys, RangeEnd: etcd.AllKeys, PrevKV: true, ProgressNotify: true}))
	}
	c.pauseLater()
}

func (c *client) pauseLater() {
	world := c.load.world.Simulation.World()
	world.After(c.draws.Duration(purposeRest, sim.Uniform(minWork, maxWork)), func() {
		if c.load.stopped {
			return
		}
		c.process.Pause()
		world.After(c.draws.Duration(purposeRest, sim.Uniform(minPause, maxPause)), func() {
			c.process.Resume()
			c.pauseLater()
		})
	})
}
