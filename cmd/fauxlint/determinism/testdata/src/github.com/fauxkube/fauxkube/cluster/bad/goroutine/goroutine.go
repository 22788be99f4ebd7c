package goroutine

func start(fn func()) {
	go fn() // want `goroutine: go statement`
	//sim:allow goroutine // want `this names no reason`
	go fn() // want `goroutine: go statement`
	//sim:allow nonsense because // want `this names no rule`
}
