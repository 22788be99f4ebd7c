package channel

func use(c chan int) int { // want `channel: channel`
	c <- 1        // want `channel: channel send`
	for range c { // want `channel: range over a channel`
	}
	return <-c // want `channel: channel receive`
}
