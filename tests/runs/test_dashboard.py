"""The dashboard shows the trials that lie in the project's database, and says so where there are none."""

from __future__ import annotations

import json
from wsgiref.util import setup_testing_defaults

import pytest

from neuralbum.errors import CatalogueError
from neuralbum.runs.dashboard import dashboard_of, open_storage

optuna = pytest.importorskip("optuna")
pytest.importorskip("optuna_dashboard")


def test_without_a_sweep_it_says_what_to_run(project):
    with pytest.raises(CatalogueError, match="neuralbum sweep"):
        open_storage(project)


@pytest.mark.filterwarnings("ignore")
def test_it_shows_the_studies_of_the_project(project):
    url = project.catalogue.engine.url.render_as_string()
    optuna.create_study(storage=optuna.storages.RDBStorage(url, skip_compatibility_check=True), study_name="sweep-1")
    app = dashboard_of().wsgi(open_storage(project))
    said, asked = {}, {"PATH_INFO": "/api/studies"}
    setup_testing_defaults(asked)
    body = b"".join(app(asked, lambda status, *_: said.update(status=status)))
    assert said["status"].startswith("200"), body
    assert "sweep-1" in json.dumps(json.loads(body))
