// Browsers refuse workers to pages that come from a disk. There, and only there, a hidden frame takes the worker's
// place: it has the page's own origin, runs the same script, and is handed messages by plain calls.
if (location.protocol === "file:") {
  window.Worker = class {
    onmessage = null
    onerror = null

    constructor(address) {
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inner = this.frame.contentWindow
      inner.postMessage = data => setTimeout(() => this.onmessage?.({ data }))
      const script = inner.document.createElement("script")
      script.src = new URL(address, location.href).href
      script.onload = () => {
        this.ready = true
        this.waiting.splice(0).forEach(data => this.postMessage(data))
      }
      script.onerror = () => this.onerror?.(new Event("error"))
      inner.document.body.append(script)
    }

    postMessage(data) {
      if (this.ready) setTimeout(() => this.frame.contentWindow?.onmessage?.({ data }))
      else this.waiting.push(data)
    }

    terminate() {
      this.frame.remove()
    }
  }
}
