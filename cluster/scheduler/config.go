package scheduler

import (
	"time"

	configv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
	"github.com/fauxkube/fauxkube/cluster/scheduler/framework/runtime"
	"github.com/fauxkube/fauxkube/sim/network"
)

// DefaultName is the schedulerName of pods that don't say otherwise.
const DefaultName = "default-scheduler"

// Client rates of kube-scheduler (staging/src/k8s.io/component-base/config/v1alpha1/defaults.go): 50 requests a second with a
// burst of 100, and as much again for events.
const (
	defaultQPSMilli = 50_000
	defaultBurst    = 100
)

// Config describes a scheduler.
type Config struct {
	Network *network.Network
	// Server is the API server's address, or that of the load balancer before several.
	Server network.Address
	// Host is the name of the machine, for the reportingInstance of events.
	Host string
	// Identity tells replicas apart in the election; empty means no election: this is the only one.
	Identity string
	Election Election
	Metrics  *metrics.Registry

	// QPSMilli and Burst are the client's bucket, and again that of the event client; zero is 50/100.
	QPSMilli int64
	Burst    int

	// Profiles; none means the default profile.
	Profiles []Profile
	// Extenders are services that are asked after the plugins.
	Extenders []configv1.Extender
	// Tie says who wins among equal nodes.
	Tie runtime.Tie
	// PercentageOfNodesToScore: zero adapts it to the size of the cluster.
	PercentageOfNodesToScore int32
	// InitialBackoff and MaxBackoff: zero is 1 s and 10 s.
	InitialBackoff, MaxBackoff time.Duration
	// WithoutHints brings pods back at every event that their plugins registered for (feature gate SchedulerQueueingHints off).
	WithoutHints bool
	// WithoutBatching tries every node for every pod (feature gate OpportunisticBatching off).
	WithoutBatching bool
	// AsyncAPICalls lets the serial loop go on while it writes what came of a pod that failed (feature gate SchedulerAsyncAPICalls).
	AsyncAPICalls bool
	// PodGroups schedules pods that name a group with it (feature gate GenericWorkload); GangScheduling brings waiting pods back when
	// others come, as the plugin of that name needs (feature gate GangScheduling).
	PodGroups, GangScheduling bool
	// Decided, if set, is told of every successful decision at the instant it is made.
	Decided func(Decision)
	// Stopwatch, if set, measures what decisions take of the host that runs the simulation.
	Stopwatch *Stopwatch
	// Explain says which pods' attempts are to be explained, and Explained is told.
	Explain   func(namespace, name string) bool
	Explained func(Explanation)
}

// Election says which lease is contended for, and how. Zero fields are kube-scheduler's defaults.
type Election struct {
	Namespace, Name                           string
	LeaseDuration, RenewDeadline, RetryPeriod time.Duration
}

// Decision is a node chosen for a pod.
type Decision struct {
	Profile string
	Pod     *framework.PodInfo
	Result  runtime.Result
	// Scores is valid during the call; empty if there was only one node.
	Scores *runtime.Scores
}

// Profile is a named set of plugins.
type Profile struct {
	SchedulerName string
	// Plugins builds the plugins; nil means the default set.
	Plugins func(h *framework.Handle) ([]runtime.Enabled, error)
	// Enabled and Disabled say by extension point what is different there: see runtime.Config.
	Enabled, Disabled        map[string][]string
	PercentageOfNodesToScore *int32
}

// user is who the scheduler is to the API server.
var user = &api.User{Name: "system:kube-scheduler", Groups: []string{"system:authenticated"}}

const userAgent = "kube-scheduler/v1.36.3"

// Operations of the cost table. Rows are registered by the cluster's cost table; an absent row costs nothing.
const (
	opCycle   = "scheduler.cycle"   // an attempt: pop, snapshot, PreFilter, PreScore, assume
	opFilter  = "scheduler.filter"  // a node through the Filter plugins
	opScore   = "scheduler.score"   // a node through the default profile's Score plugins
	opPlugin  = "scheduler.plugin"  // a node through a Score plugin that is not one of the default profile's and declares no cost
	opPreempt = "scheduler.preempt" // a node through a preemption dry run
	opBind    = "scheduler.bind"    // a binding cycle, beside the serial loop
	opEvent   = "scheduler.event"   // an informer event through cache and queue
)
