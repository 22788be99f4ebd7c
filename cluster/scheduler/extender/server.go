package extender

import (
	"fmt"
	"strings"
	"time"

	extenderv1 "k8s.io/kube-scheduler/extender/v1"

	clusterclient "github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Config is an extender in the cluster.
type Config struct {
	// URLPrefix is what the scheduler's configuration calls it; its host is the name of a machine that the extender has for itself.
	URLPrefix string
	// Latency is how long it thinks about a request.
	Latency time.Duration
	// New makes the service, for each incarnation of its process.
	New func(Env) Service
}

// Env is what a service finds around it.
type Env struct {
	Process *host.Process
	// Client talks to the API server.
	Client *clusterclient.Client
}

// Service answers requests; what is nil is not found. Arguments are shared: they must not be changed.
type Service struct {
	Filter     func(*extenderv1.ExtenderArgs) *extenderv1.ExtenderFilterResult                // at <prefix>/filter
	Prioritize func(*extenderv1.ExtenderArgs) *extenderv1.HostPriorityList                    // at <prefix>/prioritize
	Preempt    func(*extenderv1.ExtenderPreemptionArgs) *extenderv1.ExtenderPreemptionResult  // at <prefix>/preempt
	Bind       func(*extenderv1.ExtenderBindingArgs, func(*extenderv1.ExtenderBindingResult)) // at <prefix>/bind
}

// Machine returns the name of the machine, or what is wrong with the URL.
func (c *Config) Machine() (string, error) {
	at, _, err := locate(c.URLPrefix)
	if err != nil {
		return "", fmt.Errorf("extender %q: %w", c.URLPrefix, err)
	}
	name, _, _ := strings.Cut(string(at), ":")
	if name == "" {
		return "", fmt.Errorf("extender %q: want the name of a machine in the URL, as in http://extender:8888/scheduler", c.URLPrefix)
	}
	return name, nil
}

// Start starts the extender on the current incarnation of a process.
func Start(n *network.Network, c Config, env Env) error {
	at, prefix, err := locate(c.URLPrefix)
	if err != nil {
		return err
	}
	n.Listen(env.Process, at, &server{Config: c, env: env, prefix: strings.TrimRight(prefix, "/") + "/", service: c.New(env)})
	return nil
}

type server struct {
	Config
	env     Env
	prefix  string
	service Service
}

// statusNotFound is HTTP's.
const statusNotFound = 404

// ServeCall answers after the latency.
func (s *server) ServeCall(c *network.ServerCall) {
	request := c.Payload().(*call)
	s.env.Process.After(s.Latency, func() {
		verb, _ := strings.CutPrefix(request.path, s.prefix)
		answered := s.serve(verb, request.args, func(answer any) { c.Reply(answer, answerBytes) })
		if !answered {
			c.Fail(Code(statusNotFound))
		}
	})
}

// answerBytes is an answer's modelled size; the way back is hardly what takes time.
const answerBytes = 1024

// serve reports whether there is anybody to answer.
func (s *server) serve(verb string, args any, reply func(any)) bool {
	switch a := args.(type) {
	case *extenderv1.ExtenderArgs:
		if verb == "filter" && s.service.Filter != nil {
			reply(s.service.Filter(a))
			return true
		}
		if verb == "prioritize" && s.service.Prioritize != nil {
			reply(s.service.Prioritize(a))
			return true
		}
	case *extenderv1.ExtenderPreemptionArgs:
		if verb == "preempt" && s.service.Preempt != nil {
			reply(s.service.Preempt(a))
			return true
		}
	case *extenderv1.ExtenderBindingArgs:
		if verb == "bind" && s.service.Bind != nil {
			s.service.Bind(a, func(result *extenderv1.ExtenderBindingResult) { reply(result) })
			return true
		}
	}
	return false
}

// ServeStream refuses: there are none.
func (s *server) ServeStream(st *network.ServerStream) { st.Close(Code(statusNotFound)) }
