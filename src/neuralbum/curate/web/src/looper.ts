/** A loop without a gap: the stretch alone is fetched, decoded and repeated by the audio clock. */

export class Looper {
  private context: AudioContext | null = null;
  private source: AudioBufferSourceNode | null = null;
  private gain: GainNode | null = null;
  private volume = 1;
  private begun = 0;
  range: { start_s: number; end_s: number } | null = null;
  private turn = 0;

  get on(): boolean {
    return this.range !== null;
  }

  /** Whether it is heard by now: the stretch is fetched first. */
  get sounds(): boolean {
    return this.source !== null;
  }

  get time_s(): number {
    if (!this.range || !this.context || !this.source) return this.range?.start_s ?? 0;
    const span = this.range.end_s - this.range.start_s;
    const speed = this.source.playbackRate.value;
    return this.range.start_s + (((this.context.currentTime - this.begun) * speed) % span);
  }

  async start(url: (start_s: number, end_s: number) => string, start_s: number, end_s: number): Promise<void> {
    this.stop();
    const turn = ++this.turn;
    this.range = { start_s, end_s };
    this.context ??= new AudioContext();
    const answer = await fetch(url(start_s, end_s));
    if (!answer.ok) throw new Error('the loop cannot be fetched');
    const buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
    if (turn !== this.turn) return; // stopped meanwhile
    await this.context.resume();
    this.source = this.context.createBufferSource();
    this.source.buffer = buffer;
    this.source.loop = true;
    if (!this.gain) {
      this.gain = this.context.createGain();
      this.gain.connect(this.context.destination);
    }
    this.gain.gain.value = this.volume;
    this.source.connect(this.gain);
    this.begun = this.context.currentTime;
    this.source.start();
  }

  setVolume(volume: number): void {
    this.volume = volume;
    if (this.gain) this.gain.gain.value = volume;
  }

  stop(): void {
    this.turn++;
    this.source?.stop();
    this.source?.disconnect();
    this.source = null;
    this.range = null;
  }
}
