"""The parts of the explore page: the question, with and without SQL, what can be asked, the answer.

``question`` is what is asked and its address, ``asking`` has it answered; ``group_form`` and
``sql_form`` edit it, ``schema`` and ``examples`` help with that, ``result`` shows the answer and
``result_chart`` draws it.
"""
