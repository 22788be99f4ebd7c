package fairness

// maxRetryAfterSeconds caps the Retry-After of 429 answers (upstream's dropped_requests_tracker).
const maxRetryAfterSeconds = 32

// drops counts a level's rejected requests by second and derives from them how long clients are told to wait: doubled
// when a wave of rejections lasts, shortened by one when it has ebbed.
type drops struct {
	history    []dropped
	second     int64 // the current second
	count      int64 // rejections in it
	retryAfter int64
	doubledAt  int64
}

type dropped struct{ second, count int64 }

func (d *drops) record(second int64) {
	if d.second == second {
		d.count++
		return
	}
	d.remember(dropped{second: d.second, count: d.count})
	d.second, d.count = second, 1
	d.adapt(second)
}

// remember keeps twice the advised wait of history, which is all that adapt looks at.
func (d *drops) remember(last dropped) {
	d.history = append(d.history, last)
	keep := min(2*d.seconds(), maxRetryAfterSeconds)
	first := 0
	for first < len(d.history) && last.second-d.history[first].second > keep {
		first++
	}
	d.history = d.history[first:]
}

func (d *drops) adapt(second int64) {
	wait := d.seconds()
	var recent int64
	for _, h := range d.history {
		if second-h.second <= wait && h.second < second {
			recent += h.count
		}
	}
	switch {
	case second-d.doubledAt >= wait && recent >= 3*wait:
		d.retryAfter, d.doubledAt = min(2*wait, maxRetryAfterSeconds), second
	case recent < wait && wait > 1:
		d.retryAfter = wait - 1
	}
}

// seconds is the advice to give now.
func (d *drops) seconds() int64 { return max(d.retryAfter, 1) }
