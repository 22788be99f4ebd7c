package scheduler

import (
	"cmp"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/scheduler/cache"
	"github.com/fauxkube/fauxkube/cluster/scheduler/extender"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/cluster/scheduler/metrics"
	"github.com/fauxkube/fauxkube/cluster/scheduler/queue"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Scheduler is one replica of kube-scheduler, in one incarnation of its process.
type Scheduler struct {
	process *host.Process
	config  Config
	client  *client.Client
	events  *client.EventsV1Recorder
	known   informers

	symbols  *framework.Symbols
	names    *framework.PluginNames
	profiles map[string]*runtime.Framework
	queue    *queue.Queue
	cache    *cache.Cache
	snapshot *framework.Snapshot
	// algorithm carries the rotating start from attempt to attempt.
	algorithm runtime.Algorithm
	metrics   *metrics.Metrics
	draws     *sim.Stream
	extenders *extender.Poster
	waiting   map[uid]*waitingPod

	ready     sim.Signal // Pop is worth calling
	flush     sim.Timer
	flushKind sim.Kind
	eventKind sim.Kind
	ops       ops
}

type ops struct {
	cycle, filter, preempt, bind, event host.Op
	// score are the operations of a node's scores by profile.
	score map[string][]host.Op
}

// purposeDraw is where upstream draws from math/rand.
const purposeDraw sim.Purpose = 0

// Start starts a scheduler on the current incarnation of p. It watches at once, and schedules when it leads.
func Start(p *host.Process, c Config) *Scheduler {
	if c.QPSMilli == 0 {
		c.QPSMilli, c.Burst = defaultQPSMilli, defaultBurst
	}
	s := &Scheduler{
		process: p, config: c,
		symbols: framework.NewSymbols(), names: framework.NewPluginNames(),
		snapshot:  framework.NewSnapshot(),
		draws:     p.Stream("scheduler/" + p.Name()),
		waiting:   map[uid]*waitingPod{},
		flushKind: p.Kind("scheduler.flush", flushQueue),
		eventKind: p.Kind("scheduler.event", func(uint64, any) {}),
		extenders: &extender.Poster{Process: p, Network: c.Network},
		ops:       ops{p.Op(opCycle), p.Op(opFilter), p.Op(opPreempt), p.Op(opBind), p.Op(opEvent), map[string][]host.Op{}},
	}
	s.cache = cache.New(s.symbols)
	if c.PodGroups {
		s.cache.Groups = cache.NewPodGroups()
	}
	s.metrics = metrics.New(c.Metrics, s.names)
	s.algorithm = runtime.Algorithm{PercentageOfNodesToScore: c.PercentageOfNodesToScore, Tie: c.Tie}
	s.connect()
	s.buildProfiles()
	s.buildQueue()
	s.watch()
	p.Go("scheduler", s.run)
	return s
}

// connect makes the clients: one for the work and its watches, one for events, each with a bucket of its own.
func (s *Scheduler) connect() {
	s.client = s.newClient(userAgent)
	instance := DefaultName
	if s.config.Host != "" {
		instance += "-" + s.config.Host
	}
	s.events = client.NewEventsV1Recorder(s.newClient(userAgent), s.process, DefaultName, instance)
}

func (s *Scheduler) newClient(agent string) *client.Client {
	return client.New(s.process, client.Config{
		Network: s.config.Network, Server: s.config.Server, UserAgent: agent, User: user,
		Limiter: client.NewTokenBucket(s.process, s.config.QPSMilli, s.config.Burst), Metrics: s.config.Metrics,
	})
}

func (s *Scheduler) buildProfiles() {
	s.profiles = map[string]*runtime.Framework{}
	profiles := s.config.Profiles
	if len(profiles) == 0 {
		profiles = []Profile{{SchedulerName: DefaultName}}
	}
	for _, p := range profiles {
		h := framework.NewHandle(p.SchedulerName, s.symbols)
		h.Listers = &s.known
		h.Storage = (*storage)(s)
		h.Actions = (*actions)(s)
		h.Now = func() time.Time { return s.process.Wall().Time() }
		h.Monotonic = func() time.Duration { return time.Duration(s.process.Monotonic()) }
		h.After = func(d time.Duration, then func()) { s.process.After(d, then) }
		h.Draw = func(n int) int { return int(s.draws.Int63n(purposeDraw, int64(n))) }
		h.Nominator = (*nominator)(s)
		h.Observe = s.metrics
		if s.config.PodGroups {
			h.PodGroups = (*podGroups)(s)
		}
		f, err := p.Build(&s.config, s.names, h, extender.New(s.config.Extenders, s.extenders))
		if err != nil {
			panic("scheduler: " + err.Error()) // configurations are checked before a simulation starts
		}
		s.profiles[p.SchedulerName] = f
		for _, row := range f.CostRows(opScore, opPlugin) {
			s.ops.score[p.SchedulerName] = append(s.ops.score[p.SchedulerName], s.process.Op(row))
		}
	}
}

// nominator defers to the queue, which is made after the profiles.
type nominator Scheduler

func (n *nominator) NominatedPods(node string) []*framework.PodInfo {
	return n.queue.NominatedPods(node)
}
func (n *nominator) HasNominated() bool { return n.queue.HasNominated() }

func (s *Scheduler) buildQueue() {
	profiles := map[string]queue.Profile{}
	var less func(a, b *framework.QueuedPodInfo) bool
	//sim:unordered builds another map; all profiles sort alike
	for name, f := range s.profiles {
		profiles[name] = queue.Profile{PreEnqueue: f.PreEnqueue(), Enqueue: s.enqueue(f), Sign: f.Sign}
		less = f.Less
	}
	s.queue = queue.New(queue.Config{
		Less: less, Now: s.now, Symbols: s.symbols, Plugins: s.names, Profiles: profiles,
		InitialBackoff: s.config.InitialBackoff, MaxBackoff: s.config.MaxBackoff,
		Pod:     s.known.Pod,
		Ready:   s.ready.Set,
		FlushAt: s.flushAt,
		Metrics: s.metrics, PodGroups: s.config.PodGroups,
	})
}

// enqueue returns who registers events, with or without hints.
func (s *Scheduler) enqueue(f *runtime.Framework) []framework.EnqueueExtensions {
	list := f.Enqueue()
	if s.config.WithoutHints {
		list = slices.Clone(list)
		for i := range list {
			list[i] = hintless{list[i]}
		}
	}
	return list
}

// hintless is a plugin that registers its events without hints.
type hintless struct{ framework.EnqueueExtensions }

func (h hintless) EventsToRegister() []framework.ClusterEventWithHint {
	events := slices.Clone(h.EnqueueExtensions.EventsToRegister())
	for i := range events {
		events[i].Hint = nil
	}
	return events
}

// now reads the wall clock.
func (s *Scheduler) now() framework.Time { return framework.Time(s.process.Wall()) }

// flushAt sets the timer of the queue's next flush.
func (s *Scheduler) flushAt(at framework.Time) {
	s.process.Cancel(s.flush)
	// Not less than a microsecond, so that a clock which rounds can't make a loop of it.
	s.flush = s.process.At(max(at.Sub(s.now()), time.Microsecond), 0, s.flushKind, 0, s)
}

func flushQueue(_ uint64, ref any) { ref.(*Scheduler).queue.Flush() }

// run waits until everything is known and this replica leads, and then schedules until the process ends.
func (s *Scheduler) run(t *sim.Task) {
	s.extenders.Task = t
	s.known.all.Start()
	s.known.all.WaitForSync(t)
	s.lead(t)
	for {
		s.scheduleOne(t, s.next(t))
	}
}

// next pops a pod, waiting for one.
func (s *Scheduler) next(t *sim.Task) *framework.QueuedPodInfo {
	for {
		s.ready.Clear()
		if pod := s.queue.Pop(); pod != nil {
			return pod
		}
		t.Wait(sim.Forever, &s.ready)
	}
}

// Names of the lease, and how long a process that lost it stays down before its supervisor starts it again (the first
// back-off of a static pod is none; a container takes about a second to come back).
const (
	leaseNamespace = "kube-system"
	leaseName      = "kube-scheduler"
	restartDelay   = time.Second
)

// lead waits until this replica holds the lease, if there is an election. Whoever loses it exits.
func (s *Scheduler) lead(t *sim.Task) {
	if s.config.Identity == "" {
		return
	}
	var leading sim.Signal
	e := s.config.Election
	client.RunLeaderElection(s.process, s.newClient(userAgent+" leader-election"), client.LeaderConfig{
		Namespace: cmp.Or(e.Namespace, leaseNamespace), Name: cmp.Or(e.Name, leaseName), Identity: s.config.Identity, Metrics: s.config.Metrics,
		LeaseDuration: e.LeaseDuration, RenewDeadline: e.RenewDeadline, RetryPeriod: e.RetryPeriod,
		OnStartedLeading: leading.Set,
		OnStoppedLeading: func() { s.process.Restart(restartDelay) },
	})
	t.Wait(sim.Forever, &leading)
}
