"""The training loop on a net so small that its laws can be seen."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from neuralbum.errors import TrainingError
from neuralbum.train.loop import Trainer, TrainingConfig
from neuralbum.train.session import best_first


class Line:
    """A line through noisy points, with dropout and something carried from batch to batch."""

    rank, slack, curve = "loss", 0.0, "train_loss"

    def __init__(self, poison_at=-1):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.carry, self.poison_at, self.seen = torch.zeros(1), poison_at, 0

    def make_batch(self, rng):
        x = torch.from_numpy(rng.normal(size=(8, 3)).astype(np.float32))
        self.seen += 1
        return x, x.sum(1, keepdim=True) + self.carry

    def loss(self, batch, rng, progress):
        x, y = batch
        self.carry = self.carry * 0.9 + torch.randn(1, generator=rng)
        loss = (self.net(x) - y).square().mean()
        return loss * (math.nan if self.seen == self.poison_at else 1.0)

    def evaluate(self):
        return {"loss": float(self.net[0].weight.square().sum())}

    def shown(self, loss):
        return loss

    def tensors(self):
        return dict(self.net.state_dict())

    def carried(self):
        return {"carry": self.carry}

    def carry_on(self, carried):
        self.carry = carried["carry"]


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.task.net.parameters()])


@pytest.mark.parametrize("interrupted_at", [1, 3, 5])
def test_an_interrupted_training_gives_the_weights_of_an_uninterrupted_one(interrupted_at):
    whole = Trainer(Line(), TrainingConfig(seed=3))
    for step in range(6):
        whole.advance(step / 6)
    first = Trainer(Line(), TrainingConfig(seed=3))
    for step in range(interrupted_at):
        first.advance(step / 6)
    state = {name: value.clone() for name, value in first.state().items()}
    rest = Trainer(Line(), TrainingConfig(seed=3))
    rest.restore(state)
    for step in range(interrupted_at, 6):
        rest.advance(step / 6)
    assert torch.equal(weights(rest), weights(whole))
    with rest.averaged(), whole.averaged():
        assert torch.equal(weights(rest), weights(whole))


def test_a_loss_that_is_not_a_number_leaves_the_weights_as_they_were():
    trainer = Trainer(Line(poison_at=3), TrainingConfig())
    trainer.advance(0.0)
    trainer.advance(0.1)
    before = weights(trainer)
    with pytest.raises(TrainingError, match="step 2: the loss or its gradient is not a number.*learning rate"):
        trainer.advance(0.2)
    assert torch.equal(weights(trainer), before)


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    Trainer(Line(), TrainingConfig()).advance(0.0)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_average_lies_between_the_weights_it_averages():
    trainer = Trainer(Line(), TrainingConfig(learning_rate=0.01, warmup=1, average=0.5))
    seen = [weights(trainer)]
    for _ in range(4):
        trainer.advance(0.0)
        seen.append(weights(trainer))
    own = weights(trainer)
    with trainer.averaged():
        mean = weights(trainer)
    assert bool((mean >= torch.stack(seen).amin(0) - 1e-6).all())
    assert bool((mean <= torch.stack(seen).amax(0) + 1e-6).all())
    assert torch.equal(weights(trainer), own)


def test_the_rate_warms_up_and_ends_at_its_final_share():
    trainer = Trainer(Line(), TrainingConfig(learning_rate=1.0, warmup=4, final_rate=0.1))
    assert trainer.rate(0.0) == pytest.approx(0.25)
    trainer.step = 100
    assert trainer.rate(0.5) == pytest.approx(0.55)  # half way of the cosine between 1 and 0.1
    assert trainer.rate(1.0) == pytest.approx(0.1)


def test_the_newest_of_the_checkpoints_that_are_good_enough_plays():
    ranks = {10: 3.2, 20: 3.0, 30: 3.1, 40: 3.5}
    assert best_first(ranks, 0.0) == [20, 30, 10, 40]
    assert best_first(ranks, 0.05) == [30, 20, 10, 40]
    assert best_first({}, 0.05) == []
