package kubelet

import "time"

// backoff is client-go's flowcontrol.Backoff: per key a delay that doubles with every failure and is forgotten after
// twice the longest delay without one. Times are on the node's monotonic clock.
type backoff struct {
	initial, longest time.Duration
	entries          map[string]*backoffEntry
}

type backoffEntry struct {
	delay   time.Duration
	updated moment
}

func newBackoff(initial, longest time.Duration) *backoff {
	return &backoff{initial: initial, longest: longest, entries: map[string]*backoffEntry{}}
}

// next books a failure that happened at the event; now is the time of booking.
func (b *backoff) next(key string, event, now moment) {
	e := b.entries[key]
	if e == nil || b.expired(e, event) {
		e = &backoffEntry{delay: b.initial}
		b.entries[key] = e
	} else {
		e.delay = min(e.delay*2, b.longest)
	}
	e.updated = now
}

func (b *backoff) expired(e *backoffEntry, event moment) bool {
	return event.Sub(e.updated) > 2*b.longest
}

// since reports whether the key's delay, counted from the event, is still running at now.
func (b *backoff) since(key string, event, now moment) bool {
	e := b.entries[key]
	return e != nil && !b.expired(e, event) && now.Sub(event) < e.delay
}

// sinceUpdate reports whether the delay, counted from the last failure booked, is still running at now.
func (b *backoff) sinceUpdate(key string, now moment) bool {
	e := b.entries[key]
	return e != nil && !b.expired(e, now) && now.Sub(e.updated) < e.delay
}

// delay returns the key's current delay.
func (b *backoff) delay(key string) time.Duration {
	if e := b.entries[key]; e != nil {
		return e.delay
	}
	return 0
}

// forget drops what has not failed for long, so that the table does not grow for ever.
func (b *backoff) forget(now moment) {
	for key, e := range b.entries { //sim:unordered each entry is judged by itself
		if now.Sub(e.updated) > 2*b.longest {
			delete(b.entries, key)
		}
	}
}
