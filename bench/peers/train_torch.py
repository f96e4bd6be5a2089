#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains LeNet-5 (ReLU, max pool; Adam) with PyTorch on the CPU and prints CSV: epoch,loss,seconds,forward,backward,optimizer.

usage: train_torch.py DATA [--epochs N] [--batch N] [--lr RATE] [--threads N] [--seed N] [--split]
DATA has train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz. `seconds` is the epoch's training: the shuffle, batches gathered from normalised
floats, forward, loss, backward, Adam. With --split the parts are timed too, summed over the epoch; without it their columns are empty.
Meant for Debian 12's PyTorch, 1.13 with oneDNN 2.6: apt-get install python3-torch, run by /usr/bin/python3. It is not in requirements.txt, as PyPI's
wheel is another version, with libraries of its own.
"""
import argparse
import gzip
import os
import pathlib
import time


def read_idx(path, header):
    import numpy as np
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)


def load(folder):
    """Normalised images [N,1,28,28] and labels [N]."""
    import torch
    x = torch.tensor(read_idx(folder / 'train-images-idx3-ubyte.gz', 16).reshape(-1, 1, 28, 28)).float() / 255
    y = torch.tensor(read_idx(folder / 'train-labels-idx1-ubyte.gz', 8)).long()
    return (x - x.mean()) / x.std(), y


def lenet5():
    from torch import nn
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


class Split:
    """Seconds of each part of the steps, or nothing where off."""

    def __init__(self, on):
        self.on, self.parts, self.last = on, {'forward': 0.0, 'backward': 0.0, 'optimizer': 0.0}, 0.0

    def start(self):
        if self.on:
            self.last = time.perf_counter()

    def end(self, part):
        if self.on:
            now = time.perf_counter()
            self.parts[part] += now - self.last
            self.last = now


def epoch(net, optimizer, x, y, batch, split):
    """The mean loss of an epoch; the last batch is what is left over."""
    import torch
    from torch.nn import functional
    order, total = torch.randperm(len(x)), 0.0
    for i in range(0, len(x), batch):
        index = order[i:i + batch]
        images, labels = x[index], y[index]
        split.start()
        loss = functional.cross_entropy(net(images), labels)
        split.end('forward')
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        split.end('backward')
        optimizer.step()
        split.end('optimizer')
        total += loss.item() * len(index)
    return total / len(x)


def main():
    p = argparse.ArgumentParser()
    p.add_argument('data')
    p.add_argument('--epochs', type=int, default=5)
    p.add_argument('--batch', type=int, default=64)
    p.add_argument('--lr', type=float, default=1e-3)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--split', action='store_true')
    a = p.parse_args()
    os.environ.setdefault('OMP_NUM_THREADS', str(a.threads))
    import torch
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    x, y = load(pathlib.Path(a.data))
    net = lenet5()
    optimizer = torch.optim.Adam(net.parameters(), lr=a.lr)
    print('epoch,loss,seconds,forward,backward,optimizer', flush=True)
    for n in range(1, a.epochs + 1):
        split, start = Split(a.split), time.perf_counter()
        loss = epoch(net, optimizer, x, y, a.batch, split)
        seconds = time.perf_counter() - start
        parts = ','.join(f'{s:.4f}' if a.split else '' for s in split.parts.values())
        print(f'{n},{loss:.6f},{seconds:.4f},{parts}', flush=True)


if __name__ == '__main__':
    main()
