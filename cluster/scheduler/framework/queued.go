package framework

import "time"

// Time is a wall-clock reading of the scheduler's host: nanoseconds since the Unix epoch. Zero is no time.
type Time int64

// Add returns the time d later.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration since u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Truncate rounds down to a multiple of d since the epoch, which for whole seconds is the same as since year one.
func (t Time) Truncate(d time.Duration) Time { return t - t%Time(d) }

// QueuedPodInfo is a pod on its way through the scheduling queue, with its history.
type QueuedPodInfo struct {
	*PodInfo

	// Timestamp is when the pod entered the queue last; Sequence orders pods of one instant, first come first served.
	Timestamp Time
	Sequence  uint64
	// InitialAttempt is when the pod first became active.
	InitialAttempt Time
	// Attempts counts how often it was tried.
	Attempts int
	// UnschedulableCount counts refusals, ConsecutiveErrors failures for other reasons since the last refusal: each has
	// its own back-off.
	UnschedulableCount int
	ConsecutiveErrors  int
	// BackoffExpiration caches the end of the back-off; zero is not computed.
	BackoffExpiration Time
	// FlushedFromUnschedulable says that a time-out, no event, brought the pod back.
	FlushedFromUnschedulable bool

	// UnschedulablePlugins refused the pod; PendingPlugins made it wait for something outside.
	UnschedulablePlugins PluginSet
	PendingPlugins       PluginSet
	// Signature is equal for pods that the profile's plugins can't tell apart; empty if they can't say. It is that of the pod as it entered the
	// queue or was last updated there.
	Signature string
	// GatingPlugin kept it out of the active queue at PreEnqueue; NoPlugin if none.
	GatingPlugin PluginID
}

// Gated reports whether a PreEnqueue plugin holds the pod back.
func (q *QueuedPodInfo) Gated() bool { return q.GatingPlugin != NoPlugin }

// Rejectors are the plugins whose hints decide when the pod is tried again.
func (q *QueuedPodInfo) Rejectors() PluginSet { return q.UnschedulablePlugins | q.PendingPlugins }

// ClearRejectors forgets why the pod was refused.
func (q *QueuedPodInfo) ClearRejectors() {
	q.UnschedulablePlugins, q.PendingPlugins, q.GatingPlugin = 0, 0, NoPlugin
}
