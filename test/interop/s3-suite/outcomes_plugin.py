"""A pytest plugin: writes how each case of a suite went, its call alone, as JSON to $LOCH_OUTCOMES.

What a suite does afterwards to tidy up is not counted: it belongs to no case.
"""

import json
import os
import sys
import types

# The package imports an SSH client for one case, which logs in at the server's machine and does not hold anyway.
if 'fabric' not in sys.modules:
    sys.modules['fabric'] = types.SimpleNamespace(Connection=None)

outcomes = {}


def pytest_runtest_logreport(report):
    if report.when == 'teardown' or (report.when == 'setup' and report.passed):
        return
    name = report.nodeid.split('::')[-1].split('[')[0]
    why = '' if report.passed else str(report.longrepr).strip().splitlines()[-1:]
    known = outcomes.get(name)
    if known is None or known['outcome'] == 'passed':
        outcomes[name] = {'id': report.nodeid, 'outcome': report.outcome, 'why': ''.join(why)}


def pytest_sessionfinish(session):
    if hasattr(session.config, 'workerinput'):
        return  # one of several workers: all reports come to their controller
    with open(os.environ['LOCH_OUTCOMES'], 'w', encoding='utf-8') as file:
        json.dump(outcomes, file)
