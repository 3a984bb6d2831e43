"""The parts of the explore page: the query, with and without SQL, the tables, the answer.

``question`` is the query and its address, ``asking`` has it answered; ``group_form`` and
``sql_form`` edit it, ``schema`` and ``examples`` help with that, ``result`` shows the answer and
``result_chart`` draws it.
"""
