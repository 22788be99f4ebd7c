package controller

import (
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Workers are the tasks that take keys from one queue and sync them.
type Workers[K comparable] struct {
	Name  string
	Queue *client.WorkQueue[K]
	// Count is the number of tasks.
	Count int
	// MaxRetries drops a key after so many failures in a row; 0 retries for ever.
	MaxRetries int
	// Sync brings the world closer to what key's object asks for. An error puts the key back with a back-off.
	Sync func(t *sim.Task, key K) error
}

// Run starts the tasks. They wait until the informers of f have synced.
func (w *Workers[K]) Run(p *host.Process, synced func(*sim.Task) bool) {
	for range w.Count {
		p.Go(w.Name, func(t *sim.Task) {
			if synced(t) {
				w.work(t)
			}
		})
	}
}

func (w *Workers[K]) work(t *sim.Task) {
	for {
		key, ok := w.Queue.Get(t)
		if !ok {
			return
		}
		w.finish(key, w.Sync(t, key))
		w.Queue.Done(key)
	}
}

// finish decides whether a key that was synced comes back.
func (w *Workers[K]) finish(key K, err error) {
	if err == nil || w.MaxRetries > 0 && w.Queue.NumRequeues(key) >= w.MaxRetries {
		w.Queue.Forget(key)
		return
	}
	w.Queue.AddRateLimited(key)
}
