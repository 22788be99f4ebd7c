package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

const (
	// maxRetries is how often a request goes round again after a Retry-After (client-go rest.NewRequest).
	maxRetries = 10
	// retryAfterReset is the Retry-After that client-go makes up for a connection that broke (rest/with_retry.go).
	retryAfterReset = time.Second
)

// ErrDeadlineExceeded is returned for a request that outlasted its client's Timeout; it may still take effect.
var ErrDeadlineExceeded = context.DeadlineExceeded

// call is one request on its way: through the limiter, to the server, and round again while it may be retried. It is used
// again when it is over.
type call struct {
	client   *Client
	request  *api.Request
	done     func(*api.Response, error)
	future   sim.Future[*api.Response]
	reply    func(payload any, err error)
	started  sim.Monotonic
	queued   sim.Monotonic
	deadline sim.Monotonic // of the whole request; meaningful if the client has a Timeout
	attempts int
	size     int // of the request on the wire

	response *api.Response // while it is being decoded
}

// Do sends a request and parks the task until it is answered. Errors are *apierrors.StatusError, one of the network's,
// or ErrDeadlineExceeded. The request belongs to the client from now on.
func (c *Client) Do(t *sim.Task, r *api.Request) (*api.Response, error) {
	s := c.newCall(r, nil)
	s.start()
	response, err := s.future.Await(t, sim.Forever)
	if err == nil {
		c.recycle(s)
	} else if errors.Is(err, sim.ErrTimeout) { // The deadline of Task.Within.
		err = ErrDeadlineExceeded
	}
	return response, err
}

// Start sends a request; done is called with the answer, never before Start returns. The request belongs to the client from now on.
func (c *Client) Start(r *api.Request, done func(*api.Response, error)) {
	c.newCall(r, done).start()
}

func (c *Client) newCall(r *api.Request, done func(*api.Response, error)) *call {
	if r.User == nil {
		r.User = c.config.User
	}
	if r.UserAgent == "" {
		r.UserAgent = c.config.UserAgent
	}
	var s *call
	if n := len(c.free); n > 0 {
		s, c.free = c.free[n-1], c.free[:n-1]
	} else {
		s = &call{client: c}
		s.reply = s.answered
	}
	s.request, s.done, s.started, s.size = r, done, c.process.Monotonic(), api.SizeOfRequest(r)
	return s
}

// recycle takes back a call to which nothing points any more.
func (c *Client) recycle(s *call) {
	*s = call{client: c, reply: s.reply}
	c.free = append(c.free, s)
}

// start waits for the token of the first attempt. The Timeout runs from when it is there: a throttled client must not
// time out before it has asked (rest.Request.request).
func (s *call) start() {
	s.queued = s.started
	if s.takeToken() {
		s.granted()
	}
}

func (s *call) takeToken() bool {
	limiter := s.client.config.Limiter
	return limiter == nil || limiter.take(s)
}

// granted goes on with the token: the limiter calls it.
func (s *call) granted() {
	now := s.client.process.Monotonic()
	if s.client.config.Limiter != nil {
		s.client.metrics.throttled(s.request.Verb, now.Sub(s.queued))
	}
	if s.attempts == 0 {
		s.deadline = now.Add(s.client.config.Timeout)
	}

	if c := s.client; !c.process.IsFree(c.costs.encode) {
		c.process.Charge(c.costs.encode, int64(s.size), 0, c.kinds.encoded, 0, s)
		return
	}
	s.send(now)
}

func requestEncoded(_ uint64, ref any) {
	s := ref.(*call)
	s.send(s.client.process.Monotonic())
}

func (s *call) send(now sim.Monotonic) {
	c := s.client
	timeout := time.Duration(0)
	if c.config.Timeout > 0 {
		if timeout = s.deadline.Sub(now); timeout <= 0 {
			s.finish(nil, ErrDeadlineExceeded)
			return
		}
	}
	s.attempts++
	c.conn.Call(c.unary, s.request, s.size, timeout, s.reply)
}

// answered takes the answer of one attempt.
func (s *call) answered(payload any, err error) {
	s.client.metrics.answered(s.request.Verb, s.attempts, err)
	if err == nil {
		s.decode(payload.(*api.Response))
		return
	}
	if wait, retry := retryAfter(s.request, err); retry && s.attempts <= maxRetries {
		s.retryIn(wait)
		return
	}
	if errors.Is(err, network.ErrTimeout) {
		err = ErrDeadlineExceeded
	}
	s.finish(nil, err)
}

// decode charges the answer, then delivers it.
func (s *call) decode(response *api.Response) {
	c := s.client
	if c.process.IsFree(c.costs.decode) {
		s.finish(response, nil)
		return
	}
	s.response = response
	c.process.Charge(c.costs.decode, int64(api.SizeOfResponse(response)), 0, c.kinds.delivered, 0, s)
}

func answerDecoded(_ uint64, ref any) {
	s := ref.(*call)
	s.finish(s.response, nil)
}

// retryIn sleeps and queues for another token: retries are throttled like first tries.
func (s *call) retryIn(wait time.Duration) {
	p := s.client.process
	if s.client.config.Timeout > 0 {
		wait = min(wait, max(s.deadline.Sub(p.Monotonic()), 0))
	}
	p.At(wait, 0, s.client.kinds.retry, 0, s)
}

func retryDue(_ uint64, ref any) {
	s := ref.(*call)
	s.queued = s.client.process.Monotonic()
	if s.takeToken() {
		s.granted()
	}
}

func (s *call) finish(response *api.Response, err error) {
	s.client.metrics.finished(s.request.Verb, s.client.process.Monotonic().Sub(s.started))
	done := s.done
	if done == nil {
		s.future.Set(response, err)
		return
	}
	s.client.recycle(s)
	done(response, err)
}

// retryAfter says whether client-go would send the request again, and after how long: when the server asks for it with
// 429 or 5xx and a Retry-After, or when the connection broke under a read. Writes are never repeated blindly.
func retryAfter(r *api.Request, err error) (time.Duration, bool) {
	if wait, asked := serverAsksToWait(err); asked {
		return wait, true
	}
	read := r.Verb == api.VerbGet || r.Verb == api.VerbList
	return retryAfterReset, read && IsConnectionReset(err)
}

// serverAsksToWait reads the Retry-After header, which the API server sends with every status that has
// retryAfterSeconds above 0 (apiserver responsewriters/errors.go).
func serverAsksToWait(err error) (time.Duration, bool) {
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil {
		return 0, false
	}
	code, seconds := status.ErrStatus.Code, status.ErrStatus.Details.RetryAfterSeconds
	if code != http.StatusTooManyRequests && code < http.StatusInternalServerError || seconds <= 0 {
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// IsConnectionReset reports whether the connection broke after the request had been sent: it may have taken effect.
func IsConnectionReset(err error) bool { return errors.Is(err, network.ErrReset) }

// IsConnectionRefused reports whether nobody listened, or nobody answered: the request had no effect.
func IsConnectionRefused(err error) bool {
	return errors.Is(err, network.ErrRefused) || errors.Is(err, network.ErrUnreachable)
}

// IsStatus reports whether the API server has answered: the error is its verdict, not the network's.
func IsStatus(err error) bool {
	var status *apierrors.StatusError
	return errors.As(err, &status)
}
