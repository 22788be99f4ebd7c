package extender

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// call is a request as it travels.
type call struct {
	path string
	args any
}

// Code is an HTTP status other than 200.
type Code int

func (c Code) Error() string { return fmt.Sprintf("HTTP status %d", int(c)) }

// Poster is a Transport over the simulated network, for one process.
type Poster struct {
	Process *host.Process
	Network *network.Network
	// Task is the task that waits.
	Task *sim.Task

	method network.Method
	conns  map[network.Address]*network.Conn
}

// Post implements Transport.
func (p *Poster) Post(to string, args any, sizeBytes int, timeout time.Duration) (any, error) {
	address, path, err := locate(to)
	if err != nil {
		return nil, err
	}
	answer, err := p.conn(address).CallTask(p.Task, p.method, &call{path, args}, sizeBytes, timeout)
	return answer, p.explain(to, address, err)
}

// PostAside implements Transport.
func (p *Poster) PostAside(to string, args any, sizeBytes int, timeout time.Duration, done func(any, error)) {
	address, path, err := locate(to)
	if err != nil {
		done(nil, err)
		return
	}
	p.conn(address).Call(p.method, &call{path, args}, sizeBytes, timeout, func(answer any, err error) {
		done(answer, p.explain(to, address, err))
	})
}

// conn returns the connection to an address, which is kept as long as it works.
func (p *Poster) conn(a network.Address) *network.Conn {
	if p.conns == nil {
		p.conns = map[network.Address]*network.Conn{}
		p.method = p.Network.Method("extender.Post")
	}
	c := p.conns[a]
	if c == nil {
		c = p.Network.Dial(p.Process, a)
		p.conns[a] = c
	}
	return c
}

// explain puts a failure into the words of Go's HTTP client, and makes the next request connect anew.
func (p *Poster) explain(to string, a network.Address, err error) error {
	var code Code
	if err == nil || errors.As(err, &code) {
		return err
	}
	delete(p.conns, a)
	switch {
	case errors.Is(err, network.ErrTimeout):
		err = errors.New("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
	case errors.Is(err, network.ErrUnreachable) && !p.Network.Resolves(a):
		err = fmt.Errorf("dial tcp: lookup %s: no such host", a.Host())
	case errors.Is(err, network.ErrRefused), errors.Is(err, network.ErrUnreachable):
		err = fmt.Errorf("dial tcp %s: connect: %w", a, err)
	default:
		err = fmt.Errorf("read tcp %s: read: %w", a, err)
	}
	return fmt.Errorf("Post %q: %w", to, err)
}

// locate splits a URL into the address and the path.
func locate(to string) (network.Address, string, error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", "", fmt.Errorf("Post %q: unsupported protocol scheme %q", to, u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return network.Address(u.Hostname() + ":" + port), u.Path, nil
}

// decode takes an answer apart.
func decode[T any](verb, to string, answer any, err error) (T, error) {
	var none T
	var code Code
	switch {
	case errors.As(err, &code):
		return none, fmt.Errorf("failed %v with extender at URL %v, code %v", verb, to, int(code))
	case err != nil:
		return none, err
	}
	result, ok := answer.(T)
	if !ok {
		return none, fmt.Errorf("json: cannot unmarshal %T into Go value of type %T", answer, none)
	}
	return result, nil
}
