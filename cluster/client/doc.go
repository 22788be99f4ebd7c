// Package client is what every component of the simulated cluster talks through: it is to Fauxkube what client-go is
// to Kubernetes, with client-go's semantics and numbers, rebuilt as state machines on a virtual clock.
//
// A component makes one Client per clientset that its original has, because what requests share is part of the model:
//
//	bucket := client.NewTokenBucket(p, 20_000, 30)                       // 20 requests a second, burst 30
//	c := client.New(p, client.Config{Network: n, Server: "apiserver:6443", UserAgent: "...", Limiter: bucket})
//	pod, err := client.Get[*corev1.Pod](t, c, api.Pods, "default", "web-0")
//
// A request first queues in the client's token bucket, strictly in order of arrival, then goes to the API server; an
// answer of 429 or 5xx with Retry-After, or a connection that broke under a read, sends it round again, at most ten times.
//
// What a component knows of the cluster it knows from informers. A reflector (a state machine, not a task: a thousand
// kubelets have thousands of them) streams the initial state by WatchList, watches on from there, resumes where a watch
// ended, and lists again when the server has forgotten its place. Its informer keeps the objects by key and by index and
// calls handlers in order, on the event that brought the news:
//
//	informers := client.NewInformers(c)
//	pods := informers.For(api.Pods, client.Options{})
//	pods.OnEvent(client.Handler{Add: ..., Update: ..., Delete: ...})
//	informers.Start()
//	informers.WaitForSync(t)
//
// Handlers put keys into a WorkQueue, worker tasks take them out; a key is never worked on twice at once, and one that
// failed comes back later and later. RunLeaderElection keeps all but one replica of a component waiting. Recorder and
// EventsV1Recorder are the two event machines, the one with aggregation and a spam filter, the other with series.
//
// Files: client.go, call.go (a request's life), typed.go (generic sugar), restmetrics.go, bucket.go, backoff.go; informers.go, informer.go, store.go,
// sorted.go (what is known), reflector.go, watching.go, listing.go (how it is learnt); workqueue.go, waiting.go; leader.go, lease.go;
// reference.go, recorder.go, sink.go, correlator.go, lru.go (core/v1 events); eventsv1.go, series.go (events.k8s.io/v1 events); now.go.
//
// # Rejected
//
//   - A task per watch or per request: at 3-8 KB a task, a thousand nodes would pay 100 MB for waiting. Only who reads
//     straight down (workers, leader election) is a task.
//   - client-go itself over a simulated transport: goroutines, real timers and global randomness, and JSON on the hot path.
//   - A DeltaFIFO between reflector and store: it decouples goroutines, and here there is one thread.
//
// This package's API may change; the promised surface is sim, cluster, workloads, scenarios and reports.
package client
